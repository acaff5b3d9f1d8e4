//! Files that are written from the program: they are compared here, and rewritten with `UPDATE=1`.
#![allow(clippy::disallowed_methods, reason = "tests read and write the repository's files")]

use crate::binary::run;
use crate::golden::compare;
use clap::CommandFactory;
use storagewhy::cli::Cli;

#[test]
fn the_command_line_reference_is_the_help() {
    let root = Cli::command();
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    let names = shown.map(|command| command.get_name().to_owned()).filter(|name| name != "help");
    let mut page = String::from(
        "# Command line\n\nWritten from the program's own help by `UPDATE=1 cargo test --test suite generated`.\n\n## kubectl storagewhy\n",
    );
    page.push_str(&help(&["--help"]));
    for name in names {
        page.push_str(&format!("\n## kubectl storagewhy {name}\n"));
        page.push_str(&help(&[&name, "--help"]));
        let command = root.find_subcommand(&name).expect("it is one of them");
        for nested in command.get_subcommands().map(clap::Command::get_name) {
            page.push_str(&format!("\n## kubectl storagewhy {name} {nested}\n"));
            page.push_str(&help(&[&name, nested, "--help"]));
        }
    }
    compare("docs/cli.md", &page);
}

fn help(args: &[&str]) -> String {
    let run = run(args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.trim_end().lines().map(str::trim_end).collect();
    format!("\n```text\n{}\n```\n", lines.join("\n"))
}

#[test]
fn completions_are_those_of_the_program() {
    for (shell, file) in [
        ("bash", "kubectl-storagewhy.bash"),
        ("zsh", "_kubectl-storagewhy"),
        ("fish", "kubectl-storagewhy.fish"),
        ("powershell", "_kubectl-storagewhy.ps1"),
    ] {
        let run = run(&["completion", shell]);
        assert_eq!(run.code, Some(0), "{shell}: {}", run.stderr);
        assert!(run.stdout.contains("diagnose"), "{shell}");
        compare(&format!("completions/{file}"), &run.stdout);
    }
}

#[test]
fn kubectl_completes_through_the_script() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_kubectl-storagewhy"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/completions/kubectl_complete-storagewhy");
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("a folder").display());
    let output = std::process::Command::new(script).args(["capacity", "--si"]).env("PATH", path).output();
    let answer = crate::binary::finish(output.expect("the script is executable"));
    assert!(answer.stdout.starts_with("--size\t") && answer.stdout.ends_with(":4\n"), "{}", answer.stdout);
}

#[test]
fn the_screen_in_the_readme_is_what_the_example_prints() {
    let run = run(&["diagnose", "--example", "topolvm"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).expect("there is a README");
    let (before, rest) = readme.split_once("<!-- screen -->\n").expect("the README has a screen");
    let (_, after) = rest.split_once("<!-- /screen -->\n").expect("the screen has an end");
    let screen = format!("```console\n$ kubectl storagewhy --example topolvm\n{}\n```\n", run.stdout.trim_end());
    compare("README.md", &format!("{before}<!-- screen -->\n{screen}<!-- /screen -->\n{after}"));
}
