//! What is asked for in a second round: only what a cause depends on, and never of a dump.

use storagewhy::diagnosis::{NoMore, Options, Scope as Asked};
use storagewhy::engine::{demands, diagnose_or_demand};
use storagewhy::model::Kind;
use storagewhy::snapshot::{Demand, Problem, Scope, Snapshot};

use crate::cases::{fixtures, load, yaml_files};

/// A fixture as a live run has it after the first round.
fn first_round(name: &str) -> Snapshot {
    let whole = load(&fixtures().join("catalogue").join(format!("{name}.yaml")));
    let on_demand = Kind::ALL.iter().copied().filter(|kind| !kind.listed());
    on_demand.fold(whole, |snapshot, kind| snapshot.without(kind, Scope::Nothing(Problem::NotRequested)))
}

fn asked(snapshot: &Snapshot) -> Vec<Demand> {
    demands(snapshot, &Asked::default(), &Options::default())
}

#[test]
fn a_driver_that_its_cloud_refuses_has_its_account_asked_for() {
    let snapshot = first_round("C02-policy-in-place-of-a-role");
    let account = Demand::one(Kind::ServiceAccount, "kube-system", "ebs-csi-controller-sa");
    assert_eq!(asked(&snapshot), [account]);
    assert!(diagnose_or_demand(&NoMore, &snapshot, &Asked::default(), &Options::default()).is_err());
}

#[test]
fn what_may_not_be_read_is_not_asked_for_again() {
    let snapshot = first_round("C02-policy-in-place-of-a-role");
    let snapshot = snapshot.covering(Kind::ServiceAccount, Scope::Nothing(Problem::Forbidden));
    assert_eq!(asked(&snapshot), []);
    assert!(diagnose_or_demand(&NoMore, &snapshot, &Asked::default(), &Options::default()).is_ok());
}

#[test]
fn a_cause_that_does_not_depend_on_more_asks_for_nothing() {
    assert_eq!(asked(&first_round("D03-class-of-another-cluster")), []);
}

#[test]
fn a_dump_is_not_asked() {
    for path in yaml_files(&fixtures().join("catalogue")) {
        assert_eq!(asked(&load(&path)), [], "{}", path.display());
    }
}
