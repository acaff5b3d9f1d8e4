//! What `preflight` says of manifests against what a real control plane makes of them, on clusters and manifests that seeds
//! make.
//!
//! A seed makes a small cluster, in which workloads run already, and what is deleted from it and applied to it. kubectl
//! applies one document after the other, each when all is at rest; the tool is asked with the cluster as it was before. What
//! stands in for the rest of a cluster: kubelets (`control-plane serve --kubelet`), provisioners (`provisioner.rs`), webhooks
//! (`control-plane webhook`). The scheduler waits 6 s for volumes, and judges every pod that waits once more in the end.
//!
//! The fixed seeds must agree. A difference is printed with a small case that shows it, as files under
//! target/preflight-differential: documents, objects and fields go, and counts are halved, as long as it still shows. Where
//! chance decides the cluster is brought back and the manifests are applied again, up to six times: an answer counts if it is
//! one of those observed. That the tool can't know is accepted where the runs differ, or where a webhook or a
//! MutatingAdmissionPolicy makes of objects what nobody can foretell, and else of one case in twenty at most. Of claims whose
//! pods come at once only their number is compared: which of them are bound, chance decides. Autoscalers have no metrics.
//!
//! | what is tried | |
//! |---|---|
//! | workloads | Deployments, ReplicaSets, StatefulSets (claim templates, start ordinals, both orders, partitions, `OnDelete`, `maxUnavailable`, what becomes of claims), DaemonSets (surge, `OnDelete`), Jobs (indexed, suspended), CronJobs, pods |
//! | pods | requests, limits, pod-level resources, init containers and sidecars, priorities, runtime classes, node selectors and affinities, pod affinities, spreading, tolerations, host ports, gates, node names |
//! | storage | drivers that are there and not, published capacity, attachment limits, topologies, local volumes, ephemeral volumes, default classes |
//! | namespaces | quotas (several, with scopes), limit ranges, pod security at each level and of releases, budgets, missing and terminating ones |
//! | policies | ValidatingAdmissionPolicies with CEL: variables, match conditions, messages, parameters of the namespace, faults; MutatingAdmissionPolicies: changes, match conditions, faults |
//! | webhooks | TopoLVM's, ones that refuse, change, agree and fail, ones behind which nothing serves |
//! | changes | images, sizes, replicas, strategies, labels, immutable fields of every kind, claims that grow, paused and suspended ones, nothing at all |
//! | order | claims and pods, namespaces, classes, volumes, quotas, bounds and priority classes that come before or after what needs them |
//! | deletions | of workloads, claims and rules, and what is made anew then; claims that go with their sets; `kubectl apply --prune`, by labels too |
//! | autoscalers | in the cluster and among the documents, of workloads with fewer and more pods than they allow |
//! | faults | fields that are unknown or invalid, classes that are missing, pods that are too big, versions that are not served; specs of ingresses, their classes, network policies and autoscalers that are wrong |
//!
//! | variable | |
//! |---|---|
//! | `STORAGEWHY_KUBE=1.36` | another release of Kubernetes |
//! | `STORAGEWHY_PREFLIGHT_SEEDS=100..300` | only these seeds, which must all agree |
//! | `STORAGEWHY_PREFLIGHT_REPLAY=FILE` | only the case that an earlier run wrote to `…-case.json` |
//! | `STORAGEWHY_PREFLIGHT_WRONG=1` | only two cases, with every wrong value of ingresses, network policies and autoscalers: new ones, and ones that are there |
//! | `STORAGEWHY_PREFLIGHT_REDUCE=0` | don't look for a small case |

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that reports"
)]

mod case;
mod compare;
mod generate;
mod kubectl;
mod play;
mod provisioner;
#[path = "../differential/random.rs"]
mod random;
mod reduce;
mod settle;
mod tool;
mod truth;
mod webhook;
#[path = "../support"]
mod support {
    pub mod api;
    pub mod control_plane;
}

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Instant;
use std::{env, fs};

use case::Case;
use compare::{Comparison, Difference, compare};
use generate::case as made;
use play::{Stage, folder};
use reduce::{ATTEMPTS, Finding, again, reduce};
use storagewhy::model::version::Version;
use tool::preflight;

/// Seeds that must agree.
const FIXED: Range<u64> = 1..17;
/// How often a case is played where the tool's answer was not what came of it, or where it can't know.
const PLAYS: usize = 6;

#[test]
fn preflight_says_what_the_real_control_plane_does() {
    let Some(stage) = Stage::open() else { return };
    let mut session = Session::new(stage);
    if let Ok(file) = env::var("STORAGEWHY_PREFLIGHT_REPLAY") {
        session.try_out(&Case::parse(&fs::read(file).unwrap()));
        return session.must_agree();
    }
    if env::var_os("STORAGEWHY_PREFLIGHT_WRONG").is_some() {
        for there in [false, true] {
            session.try_out(&generate::all_wrong(session.minor, there));
        }
        return session.must_agree();
    }
    let seeds = match env::var("STORAGEWHY_PREFLIGHT_SEEDS") {
        Ok(range) => {
            let (first, end) = range.split_once("..").expect("STORAGEWHY_PREFLIGHT_SEEDS is a range such as 100..300");
            first.parse().unwrap()..end.parse().unwrap()
        }
        Err(_) => FIXED,
    };
    session.seeds(seeds);
    session.must_agree();
}

/// Needs no control plane.
#[test]
fn the_fixed_seeds_try_what_came_last_at_least_once() {
    let tried: BTreeSet<String> = FIXED.flat_map(|seed| made(seed, 37).about).collect();
    let wanted = [
        "spec that is wrong",
        "prune",
        "prune by label",
        "autoscaler comes along",
        "autoscaler that is there",
        "set with claims that may go is scaled down",
        "set with claims that may go is deleted",
        "mutating policy whose conditions don't match",
        "mutating policy whose conditions fail",
        generate::CHANGES,
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|what| !tried.contains(*what)).collect();
    assert_eq!(missing, [""; 0]);
}

/// A run over many cases.
struct Session {
    stage: Stage,
    minor: u32,
    begin: Instant,
    /// Cases that were played, and single comparisons.
    compared: (usize, usize),
    /// Cases that did not come to rest, or whose cluster the API server refused.
    dropped: usize,
    /// Cases that agree only with another run from the same state.
    random: usize,
    /// Cases of which the tool says that it can't know: the runs differ, the case has something that can't be known, neither.
    unknown: [usize; 3],
    different: Vec<u64>,
    about: BTreeMap<String, usize>,
}

/// How the runs of a case compare with the report.
enum Verdict {
    Agrees { again: bool },
    Unknown { place: usize },
    Differs(Box<Finding>),
}

impl Session {
    fn new(stage: Stage) -> Self {
        let version: Version = stage.plane.version.parse().unwrap();
        Self {
            stage,
            minor: version.minor,
            begin: Instant::now(),
            compared: (0, 0),
            dropped: 0,
            random: 0,
            unknown: [0; 3],
            different: Vec::new(),
            about: BTreeMap::new(),
        }
    }

    fn seeds(&mut self, seeds: Range<u64>) {
        for seed in seeds {
            self.try_out(&made(seed, self.minor));
        }
        let (cases, single) = self.compared;
        let seconds = self.begin.elapsed().as_secs_f32();
        println!(
            "{cases} cases, {single} comparisons, {} dropped, {:.1} s a case",
            self.dropped,
            seconds / cases.max(1) as f32
        );
        println!("{} agree with another run from the same state", self.random);
        let [differ, named, neither] = self.unknown;
        println!("unknown: {differ} whose runs differ, {named} with what can't be known, {neither} of neither sort");
        println!("different: {:?}", self.different);
        println!(
            "tried: {}",
            self.about.iter().map(|(what, times)| format!("{what} {times}")).collect::<Vec<_>>().join(", ")
        );
    }

    fn try_out(&mut self, case: &Case) {
        let begin = Instant::now();
        let verdict = self.judge(case);
        let seconds = begin.elapsed().as_secs_f32();
        let about = case.about.join(", ");
        let told = match verdict {
            Err(why) => {
                self.dropped += 1;
                format!("dropped: {why}")
            }
            Ok(verdict) => {
                self.compared.0 += 1;
                case.about.iter().for_each(|what| *self.about.entry(what.clone()).or_default() += 1);
                match verdict {
                    Verdict::Agrees { again: false } => "agrees".to_owned(),
                    Verdict::Agrees { again: true } => {
                        self.random += 1;
                        "agrees with another run".to_owned()
                    }
                    Verdict::Unknown { place } => {
                        self.unknown[place] += 1;
                        "unknown".to_owned()
                    }
                    Verdict::Differs(finding) => {
                        self.different.push(case.seed);
                        self.tell(*finding);
                        "DIFFERENT".to_owned()
                    }
                }
            }
        };
        println!("seed {}: {told} ({about}), {seconds:.1} s", case.seed);
    }

    /// Plays a case, and again where the tool says otherwise or can't know.
    fn judge(&mut self, case: &Case) -> Result<Verdict, String> {
        let before = self.stage.set(case)?;
        let report = preflight(case, &before, &self.stage.plane.version)?;
        let (mut runs, mut last) = (Vec::new(), Comparison::default());
        let unforeseen = ["webhook that answers", generate::CHANGES];
        let named = case.about.iter().any(|what| unforeseen.contains(&what.as_str()));
        for play in 0..PLAYS {
            runs.push(self.stage.play(case, play > 0)?);
            last = compare(&report, &runs);
            if last.differences.is_empty() && !last.unknown {
                self.compared.1 += last.compared;
                return Ok(Verdict::Agrees { again: runs.len() > 1 });
            }
            // Of several quotas that are exceeded the server names any.
            let steady = |one: &Difference| {
                one.subject.starts_with("message of") && one.real.len() == 1 && !one.real[0].contains("exceeded quota")
            };
            let known = runs.len() > 1 && last.differences.iter().any(steady);
            if known || last.differences.is_empty() && named {
                break;
            }
        }
        for difference in &last.differences {
            println!("DIFFERENT in seed {}: {difference}", case.seed);
        }
        if let Some(difference) = last.differences.into_iter().next() {
            runs.iter().for_each(|run| println!("pods and their nodes: {}", run.places.join(", ")));
            return Ok(Verdict::Differs(Box::new(Finding { case: case.clone(), before, difference })));
        }
        let alike = runs.iter().all(|run| format!("{:?}", run.workloads) == format!("{:?}", runs[0].workloads));
        let place = match alike {
            false => 0,
            true if named => 1,
            true => 2,
        };
        Ok(Verdict::Unknown { place })
    }

    fn tell(&mut self, finding: Finding) {
        let mut finding = finding;
        write(&finding);
        if env::var("STORAGEWHY_PREFLIGHT_REDUCE").as_deref() != Ok("0") {
            let subject = finding.difference.subject.clone();
            finding = reduce(finding, ATTEMPTS, |case| again(&mut self.stage, case, &subject));
            println!("reduced: {}", finding.difference);
            write(&finding);
        }
    }

    fn must_agree(&self) {
        assert!(self.different.is_empty(), "the tool and Kubernetes differ on the seeds {:?}", self.different);
        assert!(self.compared.0 > self.dropped * 9, "{} of the cases were dropped", self.dropped);
        let [.., neither] = self.unknown;
        assert!(neither * 20 <= self.compared.0, "the tool can't know {neither} cases whose runs are alike");
    }
}

/// Writes the case, and the cluster as it was before.
fn write(finding: &Finding) {
    let (folder, seed) = (folder(), finding.case.seed);
    let (case, before) = (folder.join(format!("{seed}-case.json")), folder.join(format!("{seed}-before.json")));
    fs::write(&case, finding.case.text()).unwrap();
    fs::write(&before, serde_json::to_vec_pretty(&finding.before).unwrap()).unwrap();
    fs::write(folder.join(format!("{seed}-manifests.yaml")), case::manifests(&finding.case.documents)).unwrap();
    println!("replay it with STORAGEWHY_PREFLIGHT_REPLAY={}; the cluster: {}", case.display(), before.display());
}
