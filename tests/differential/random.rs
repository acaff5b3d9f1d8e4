//! Reproducible choices: SplitMix64, whose sequence is the same everywhere.

use serde_json::Value;

/// A sequence of choices that a seed fixes.
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03 }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or_default()
    }

    /// A number from `first` to `last`.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// True this often in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Some of several, at least one, in their order.
    pub fn some<T: Clone>(&mut self, choices: &[T]) -> Vec<T> {
        let sure = self.below(choices.len());
        let picked = choices.iter().enumerate().filter(|(place, _)| *place == sure || self.chance(30));
        picked.map(|(_, choice)| choice.clone()).collect()
    }
}

/// The place of a field that may lie deeper; objects on the way are made, and numbers mean places in lists.
fn place<'a>(object: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('/').fold(object, |place, step| match step.parse::<usize>() {
        Ok(number) => &mut place[number],
        Err(_) => &mut place[step],
    })
}

/// Sets a field that may lie deeper.
pub fn set(object: &mut Value, path: &str, value: impl Into<Value>) {
    *place(object, path) = value.into();
}

/// Appends to a list, which is made where it is missing.
pub fn push(object: &mut Value, path: &str, value: Value) {
    match place(object, path) {
        Value::Array(list) => list.push(value),
        other => *other = Value::Array(vec![value]),
    }
}
