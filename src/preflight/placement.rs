//! Where kube-scheduler puts the pods that wait, one after the other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::state::State;
use super::volumes::{self, Chosen};
use crate::model::{Kind, Pod};
use crate::preflight::world::Key;
use crate::scheduler::{Outcome, Place, PodVerdict, Scheduler};

/// Nodes from which on the scheduler looks at some of them only (`minFeasibleNodesToFind`).
const LARGE: usize = 100;

/// Which of the nodes with the best score is taken: the scheduler draws one at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    /// The first by name.
    First,
    /// The last by name.
    Last,
    /// One by this seed.
    Seed(u64),
}

/// Pods that lost their nodes to one of higher priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Eviction {
    /// Namespace and name of the pod that came.
    pub(crate) pod: (String, String),
    pub(crate) node: String,
    /// The pods that went, as `namespace/name`.
    pub(crate) victims: Vec<String>,
}

/// The scheduler at work on a state that changes.
pub(crate) struct Placement<'a> {
    base: Scheduler<'a>,
    draw: Draw,
    drawn: u64,
    /// What the state was like when a pod was last found to fit nowhere.
    tried: HashMap<(String, String), (u64, u64)>,
    placed: u64,
    /// Pods that are placed and wait for their volumes (PreBind): their uid and node.
    binding: BTreeMap<(String, String), (String, String)>,
    /// Whether any pod had more than one node with the best score.
    pub(crate) tied: bool,
    pub(crate) evictions: Vec<Eviction>,
}

/// What the scheduler does next.
enum Step {
    Place { namespace: String, name: String, node: String, volumes: Vec<Chosen> },
    Evict(Eviction),
}

impl<'a> Placement<'a> {
    /// `base` is the scheduler of the state from which the others come.
    pub(crate) fn new(base: Scheduler<'a>, draw: Draw) -> Self {
        Self {
            base,
            draw,
            drawn: 0,
            tried: HashMap::new(),
            placed: 0,
            binding: BTreeMap::new(),
            tied: false,
            evictions: Vec::new(),
        }
    }

    /// Places the pods that wait, as far as there is room; says whether anything changed.
    pub(crate) fn pass(&mut self, state: &mut State) -> bool {
        let mut changed = self.start(state);
        loop {
            let steps = self.next(state);
            if steps.is_empty() {
                return changed;
            }
            steps.into_iter().for_each(|step| self.take(state, step));
            volumes::sync(state);
            self.start(state);
            changed = true;
        }
    }

    /// Lets the placed pods run whose volumes are there; says whether there are any.
    fn start(&mut self, state: &mut State) -> bool {
        let mut ready = Vec::new();
        self.binding.retain(|(namespace, name), (uid, node)| {
            let Some(pod) = state.snapshot.pods.get(namespace, name).found() else { return false };
            let same = pod.metadata.uid == *uid && !pod.assigned();
            if same && volumes::bound(&state.snapshot, pod) {
                ready.push((namespace.clone(), name.clone(), node.clone()));
                return false;
            }
            same
        });
        ready.iter().for_each(|(namespace, name, node)| state.run(namespace, name, node));
        let named = state.start_named();
        named || !ready.is_empty()
    }

    /// Whether a pod is placed and waits for its volumes.
    fn waits_for_volumes(&self, pod: &Pod) -> bool {
        self.binding.get(&name_of(pod)).is_some_and(|(uid, _)| *uid == pod.metadata.uid)
    }

    /// What the scheduler does next: mostly one pod, in large clusters all that follow with the same needs.
    fn next(&mut self, state: &State) -> Vec<Step> {
        let open = |pod: &&Pod| !self.waits_for_volumes(pod) && self.worth_a_try(state, pod);
        let waiting: Vec<&Pod> = queue(state).into_iter().filter(open).collect();
        if waiting.is_empty() {
            return Vec::new();
        }
        let mut scheduler = self.base.after(&state.snapshot);
        let large = state.snapshot.nodes.seen().len() > LARGE;
        let mut rest = waiting.as_slice();
        while let Some(pod) = rest.first() {
            let run = if large { run(&scheduler, rest) } else { &rest[..1] };
            if run.len() > 1 {
                let places = scheduler.place_alike(run);
                if !places.is_empty() {
                    return run.iter().zip(places).map(|(pod, place)| placed(pod, place)).collect();
                }
            }
            let verdict = scheduler.judge(pod);
            if let Some(step) = self.step(&scheduler, pod, &verdict) {
                return vec![step];
            }
            for pod in run {
                self.tried.insert(name_of(pod), (state.openings, self.placed));
            }
            rest = &rest[run.len()..];
        }
        Vec::new()
    }

    /// Pods that were found to fit nowhere are tried again when something has changed that can make room for them.
    fn worth_a_try(&self, state: &State, pod: &Pod) -> bool {
        let Some((openings, placed)) = self.tried.get(&name_of(pod)) else { return true };
        let follows = !pod.spec.affinity_terms().is_empty() || !pod.spec.topology_spread_constraints.is_empty();
        *openings != state.openings || follows && *placed != self.placed
    }

    fn step(&mut self, scheduler: &Scheduler<'_>, pod: &Pod, verdict: &PodVerdict) -> Option<Step> {
        let (namespace, name) = name_of(pod);
        if let Some((node, victims)) = &verdict.preemption {
            let (node, victims) = (node.clone(), victims.clone());
            return Some(Step::Evict(Eviction { pod: (namespace, name), node, victims }));
        }
        if verdict.outcome != Outcome::Schedulable {
            return None;
        }
        let node = match &verdict.placed {
            Some(node) => node.clone(),
            None => self.choose(scheduler, pod, verdict)?,
        };
        let volumes = scheduler.volumes_on(pod, &node);
        let volumes = volumes.into_iter().map(|(claim, volume)| Chosen { claim, volume }).collect();
        Some(Step::Place { namespace, name, node, volumes })
    }

    /// One of the nodes with the best score.
    fn choose(&mut self, scheduler: &Scheduler<'_>, pod: &Pod, verdict: &PodVerdict) -> Option<String> {
        let best = scheduler.best(pod, verdict);
        self.tied |= best.len() > 1;
        let position = match self.draw {
            Draw::First => 0,
            Draw::Last => best.len().checked_sub(1)?,
            Draw::Seed(seed) => {
                self.drawn += 1;
                let number = scramble(seed.wrapping_mul(1_000_003).wrapping_add(self.drawn));
                usize::try_from(number % u64::try_from(best.len()).ok()?.max(1)).ok()?
            }
        };
        best.get(position).cloned()
    }

    fn take(&mut self, state: &mut State, step: Step) {
        match step {
            Step::Place { namespace, name, node, volumes } => {
                self.placed += 1;
                volumes::take(state, &namespace, &node, &volumes);
                if let Some(pod) = state.snapshot.pods.get(&namespace, &name).found() {
                    let uid = pod.metadata.uid.clone();
                    self.binding.insert((namespace, name), (uid, node));
                }
            }
            Step::Evict(eviction) => {
                for victim in &eviction.victims {
                    let Some((namespace, name)) = victim.split_once('/') else { continue };
                    state.remove(&Key {
                        kind: Kind::Pod.name().to_owned(),
                        namespace: Some(namespace.to_owned()),
                        name: name.to_owned(),
                    });
                }
                let (namespace, name) = &eviction.pod;
                if let Some(pod) = state.snapshot.pods.get(namespace, name).found() {
                    let mut pod = Pod::clone(pod);
                    pod.status.nominated_node_name.clone_from(&eviction.node);
                    state.snapshot.pods.insert(pod);
                }
                self.evictions.push(eviction);
            }
        }
    }
}

/// The pods at the head of the queue that the scheduler can't tell apart, where they don't tell each other apart either.
fn run<'w, 'p>(scheduler: &Scheduler<'_>, waiting: &'w [&'p Pod]) -> &'w [&'p Pod] {
    let Some(first) = waiting.first().filter(|pod| scheduler.local(pod)) else {
        return &waiting[..waiting.len().min(1)];
    };
    let needs = scheduler.needs(first);
    let alike = |other: &&&Pod| other.priority() == first.priority() && scheduler.needs(other) == needs;
    &waiting[..waiting.iter().take_while(alike).count().max(1)]
}

fn placed(pod: &Pod, place: Place) -> Step {
    let (namespace, name) = name_of(pod);
    let volumes = place.volumes.into_iter().map(|(claim, volume)| Chosen { claim, volume }).collect();
    Step::Place { namespace, name, node: place.node, volumes }
}

/// The pods that wait, in the order of the scheduler's queue: the most important first, then the oldest
/// (`queuesort/priority_sort.go`).
fn queue(state: &State) -> Vec<&Pod> {
    let pods = state.snapshot.pods.seen().iter().map(|pod| &**pod);
    let mut waiting: Vec<&Pod> =
        pods.filter(|pod| !pod.assigned() && !pod.finished() && !pod.metadata.deleting()).collect();
    waiting.sort_by_cached_key(|pod| (Reverse(pod.priority()), state.age(pod)));
    waiting
}

fn name_of(pod: &Pod) -> (String, String) {
    (pod.metadata.namespace.clone(), pod.metadata.name.clone())
}

/// A number that has nothing to do with the one before (splitmix64).
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
