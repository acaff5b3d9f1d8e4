//! What an expression may take: every step and every byte that it makes is counted, and there is no other way to take any.

use super::fault::Fault;

/// Steps for one object. A step is a few dozen machine instructions, or sixteen bytes that are read.
const STEPS: u64 = 2_000_000;
/// Bytes that one evaluation makes, freed ones included, so that it never holds more.
const BYTES: u64 = 16 << 20;
/// Bytes that are read in a step.
const BYTES_A_STEP: usize = 16;

/// Counts down what is left for an evaluation, and for all evaluations of a rule.
#[derive(Debug)]
pub(crate) struct Meter {
    steps: u64,
    bytes: u64,
    /// Steps left for this and later evaluations of the rule.
    purse: u64,
}

impl Meter {
    /// A meter for a rule that may take so many steps in all.
    pub(crate) fn new(purse: u64) -> Self {
        Self { steps: STEPS, bytes: BYTES, purse }
    }

    /// Begins the evaluation for another object.
    pub(crate) fn restart(&mut self) {
        self.steps = STEPS;
        self.bytes = BYTES;
    }

    /// Takes steps.
    ///
    /// # Errors
    /// Where not so many are left.
    pub(crate) fn spend(&mut self, steps: u64) -> Result<(), Fault> {
        let Some(purse) = self.purse.checked_sub(steps) else {
            self.purse = 0;
            return Err(Fault::Limit("the rule takes too long over all objects"));
        };
        self.purse = purse;
        self.steps = self.steps.checked_sub(steps).ok_or(Fault::Limit("it takes too long"))?;
        Ok(())
    }

    /// Takes the steps for a look at so many bytes.
    ///
    /// # Errors
    /// Where not so many are left.
    pub(crate) fn read(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spend((bytes / BYTES_A_STEP) as u64)
    }

    /// Takes so many bytes of memory, before they are allocated.
    ///
    /// # Errors
    /// Where not so many are left.
    pub(crate) fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        self.read(bytes)?;
        self.bytes = self.bytes.checked_sub(bytes as u64).ok_or(Fault::Limit("its values grow too large"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_has_its_steps_and_all_together_have_no_more_than_the_rule() {
        let mut meter = Meter::new(STEPS + 10);
        assert_eq!(meter.spend(STEPS), Ok(()));
        assert_eq!(meter.spend(1), Err(Fault::Limit("it takes too long")));
        meter.restart();
        assert_eq!(meter.spend(5), Ok(()));
        assert_eq!(meter.spend(5), Err(Fault::Limit("the rule takes too long over all objects")));
        meter.restart();
        assert!(meter.spend(1).is_err(), "nothing gives back what a rule has spent");
        let mut meter = Meter::new(u64::MAX);
        assert!(meter.make(BYTES as usize).is_ok() && meter.make(16).is_err());
    }
}
