//! What the tool says of a cluster, put to the proof on a real control plane: each scene (`tests/fixtures/scenes/NAME.yaml`)
//! makes a state, the live report must name its root, the first remedy's printed commands are run as they stand, and then
//! the real scheduler places the pod, or the real controller binds the claim, or the next blocker is the one foreseen.
//!
//! | variable | |
//! |---|---|
//! | `STORAGEWHY_SCENES=all` | every scene |
//! | `STORAGEWHY_SCENES=NAME,NAME` | only these |
//! | none | three scenes, which the number of commits chooses |

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that reports"
)]

mod outcome;
mod play;
mod report;
mod scene;
mod stage;

#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::process::Command;

use play::{Played, play};
use scene::{Remedy, Scene};
use stage::Stage;

/// How many scenes a run without a choice takes.
const SHARE: usize = 3;
/// How many scenes there must be.
const LEAST: usize = 40;
/// How many of them may only look.
const MOST_LOOKS: usize = 10;

#[test]
fn printed_repairs_do_what_the_report_says() {
    let scenes = chosen(Scene::all());
    let Some(mut stage) = Stage::open() else { return };
    let played: Vec<Played> = scenes.iter().map(|scene| play(&mut stage, scene)).collect();
    table(&played);
    let failed: Vec<String> = played.iter().filter_map(Played::failure).collect();
    assert!(failed.is_empty(), "{} of {} scenes failed:\n{}", failed.len(), played.len(), failed.join("\n"));
}

#[test]
fn scenes_are_many_and_most_are_repaired() {
    let scenes = Scene::all();
    let looks = scenes.iter().filter(|scene| scene.remedy == Remedy::Look).count();
    assert!(scenes.len() >= LEAST, "{} scenes", scenes.len());
    assert!(looks <= MOST_LOOKS, "{looks} scenes only look");
}

fn chosen(scenes: Vec<Scene>) -> Vec<Scene> {
    match env::var("STORAGEWHY_SCENES").unwrap_or_default().as_str() {
        "" => share(scenes),
        "all" => scenes,
        names => {
            let named = |name: &str| scenes.iter().find(|scene| scene.name == name).cloned();
            names.split(',').map(|name| named(name).unwrap_or_else(|| panic!("no scene {name}"))).collect()
        }
    }
}

/// Each commit takes the next three.
fn share(scenes: Vec<Scene>) -> Vec<Scene> {
    let first = commits() * SHARE % scenes.len();
    scenes.into_iter().cycle().skip(first).take(SHARE).collect()
}

/// How many commits there are; none where git can't say.
fn commits() -> usize {
    let mut git = Command::new("git");
    git.args(["rev-list", "--count", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let count = git.output().ok().and_then(|output| String::from_utf8(output.stdout).ok());
    count.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}

fn table(played: &[Played]) {
    println!("\n{:<34} {:<26} {:<14} {:<9} remedy", "scene", "root", "trial", "result");
    for scene in played {
        println!("{scene}");
    }
    let ok = || played.iter().filter(|scene| scene.failure().is_none());
    let carried_out = || ok().filter(|scene| scene.carried_out);
    println!(
        "{} scenes: {} as foreseen ({} repaired, {} up to the next blocker, {} looked at), {} failed",
        played.len(),
        ok().count(),
        carried_out().filter(|scene| scene.trial != "next-blocker").count(),
        carried_out().filter(|scene| scene.trial == "next-blocker").count(),
        ok().filter(|scene| !scene.carried_out).count(),
        played.len() - ok().count(),
    );
}
