use super::*;

fn read(line: &str) -> Result<Arguments, clap::Error> {
    let arguments = std::iter::once("holm-pg").chain(line.split_whitespace());
    Arguments::read("holm-pg", arguments.map(std::ffi::OsString::from))
}

fn settings(line: &str) -> Settings {
    read(line).expect("the test's own line is well formed").settings().expect("the values are well formed")
}

#[test]
fn the_command_is_well_formed() {
    Arguments::command_for("holm-pg").debug_assert();
}

#[test]
fn common_flags_stand_before_or_after_the_verb() {
    for line in
        ["--stack prod --output json plan", "plan --stack prod --output=json", "--stack dev plan --stack prod -o json"]
    {
        let settings = settings(line);
        assert_eq!((settings.stack.as_str(), settings.output), ("prod", Output::Json), "{line}");
    }
    let settings = settings("--config a=1 plan --config b=2=3 --config c=");
    let config: Vec<(&str, &str)> =
        settings.config.iter().map(|(key, value)| (key.as_str(), value.0.as_str())).collect();
    assert_eq!(config, [("a", "1"), ("b", "2=3"), ("c", "")]);
}

#[test]
fn defaults_are_those_of_the_help() {
    let settings = settings("plan");
    assert_eq!((settings.stack.as_str(), settings.output, settings.verbose), ("default", Output::Text, false));
    assert!(settings.namespace.is_none() && settings.context.is_none() && settings.kubeconfig.is_none());
}

#[test]
fn targets_and_consents_are_lists() {
    let arguments = read(
        "apply --target A/b --target C/d,E/f --allow-delete X/y,X/z --yes --parallel 4 --timeout 1h30m --total-timeout 2h",
    );
    let Ok(Arguments { verb: Verb::Apply(verb), .. }) = arguments else { unreachable!("it is apply: {arguments:?}") };
    assert_eq!(verb.planning.target, ["A/b", "C/d", "E/f"]);
    assert_eq!(verb.planning.consents().into_iter().collect::<Vec<_>>(), ["X/y", "X/z"]);
    assert_eq!((verb.yes, verb.parallel, verb.timeout), (true, Some(4), Some(Duration::from_secs(5_400))));
    assert_eq!(verb.total_timeout, Some(Duration::from_secs(7_200)));
}

#[test]
fn wrong_lines_are_refused() {
    for line in [
        "",
        "plan --yes",
        "apply --parallel 0",
        "apply --timeout 10",
        "graph --format svg",
        "plan --output yaml",
        "unknown",
        "outputs a b",
    ] {
        assert!(read(line).is_err(), "{line}");
    }
}

#[test]
fn a_secret_of_the_command_line_is_in_no_debug_print_and_in_no_error() {
    let arguments = read("plan --config password=hunter2").expect("well formed");
    assert!(!format!("{arguments:?} {:?}", arguments.settings()).contains("hunter2"));
    for line in ["plan --config hunter2", "plan --config =hunter2"] {
        let error = read(line).expect("clap takes any text").settings().expect_err("there is no key");
        assert!(!error.contains("hunter2"), "{error}");
    }
    // With a space for the `=`, the value stands where clap expects none.
    for line in ["plan --config password hunter2", "--config password hunter2 plan", "--config=password plan --hunter2"]
    {
        let error = read(line).expect_err("a value too many").to_string();
        assert!(error.contains("KEY=VALUE") && !error.contains("hunter2"), "{error}");
    }
    // Without quotes, the rest of a value is a word too many. Only one that stands before any value is named.
    for line in [
        "plan --config a=b hunter2",
        "plan --config a=b --verbose hunter2",
        "plan --config=a=b hunter2 hunter2",
        "--config a=b hunter2 plan",
        "plan password=hunter2",
        "password=hunter2 plan",
        "outputs x password=hunter2",
        "plan --output password=hunter2",
        "plan --confg password=hunter2",
        "plan --confg=password=hunter2",
        "plan -c=password=hunter2",
    ] {
        let error = read(line).expect_err("a word too many");
        let text = error.to_string();
        assert!(!text.contains("hunter2") && !error.render().ansi().to_string().contains("hunter2"), "{line}: {text}");
        assert!(text.contains("error: ") && text.len() > 60, "{line}: {text}");
    }
    let error = read("plan nonsense --config a=b").expect_err("a word too many").to_string();
    assert!(error.contains("'nonsense'"), "{error}");
    let error = read("plan --config a=b --paralel 3").expect_err("a flag too many").to_string();
    assert!(error.contains("'--paralel'"), "{error}");
}

#[test]
fn colour_and_output_are_known_even_where_the_line_is_wrong() {
    let cases = [
        ("plan --color never --nope", ColorWhen::Never, Output::Text),
        ("--color=always -o json", ColorWhen::Always, Output::Json),
        ("plan --output=json", ColorWhen::Auto, Output::Json),
        ("plan --outputs json", ColorWhen::Auto, Output::Text),
    ];
    for (line, color, output) in cases {
        let arguments: Vec<std::ffi::OsString> = line.split_whitespace().map(std::ffi::OsString::from).collect();
        assert_eq!(early(&arguments), (color, output), "{line}");
    }
}

/// The help with the verbs and options of the embedded cluster; without that feature there are fewer.
fn help(arguments: &[&str]) -> String {
    let arguments = std::iter::once("holm-pg").chain(arguments.iter().copied());
    let mut command = Arguments::command_for("holm-pg").term_width(100);
    let error = command.try_get_matches_from_mut(arguments).expect_err("help is no command");
    error.render().to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(feature = "embedded")]
#[test]
fn the_help_is_this() {
    insta::assert_snapshot!(help(&["--help"]), @"
    Plans, applies and inspects one stack of Kubernetes resources.

    Usage: holm-pg [OPTIONS] <VERB>

    Verbs:
      plan     Show what `apply` would change. Writes nothing to the cluster
      apply    Show the plan, ask, carry it out, and wait until everything is ready
      destroy  Delete what the stack owns, in reverse order. What holds data stays without consent by
               name
      status   Show what the stack owns and how far each of it has come, with the cause where something
               is not ready
      stack    List the stacks of this program that the cluster has. Needs no stack
      graph    Show the resources and what each depends on. Needs no cluster
      render   Write the objects as YAML, secret values masked. Needs no cluster
      outputs  Show the values that the stack exports
      config   Show, read and change the configuration of a stack, in holm.toml. Needs no cluster
      cluster  Run, show, reset, export or import the embedded cluster of this user. Needs no stack

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Common options:
          --stack <NAME>               The stack: one named deployment of this program [default:
                                       default]
          --config <KEY=VALUE>         A value for the program; may be repeated. Give secrets as the
                                       environment variable HOLM_CONFIG_KEY instead: other users of the
                                       machine can see command lines
          --config-file <FILE>         The file of the configuration [default: holm.toml in this folder,
                                       or in the nearest one above]
          --identity <FILE>            A file with a private key of age or ssh, for encrypted values;
                                       may be repeated [default: the key in $HOLM_IDENTITY,
                                       ~/.config/holm/identity.txt, ~/.ssh/id_ed25519]
      -n, --namespace <NAME>           The namespace of resources that name none
          --context <NAME>             The context of the kubeconfig [default: its current one]
          --kubeconfig <FILE>          The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the
                                       service account of the pod this runs in]
          --cluster <embedded[:NAME]>  Instead of a cluster of a kubeconfig: embedded, the one in this
                                       process with a simulated node, which is kept for this user; or
                                       embedded:NAME for another one [default: embedded where there is
                                       no kubeconfig, and CI is not set]
      -o, --output <FORMAT>            What standard output holds: text for people, or json with a
                                       versioned schema [default: text]
      -v, --verbose                    Report every request on standard error: method, path, status and
                                       duration, never a body
          --color <WHEN>               When to use colours: auto, always or never. NO_COLOR and
                                       TERM=dumb are honoured [default: auto]

    Examples:
      holm-pg plan                              show what would change, and change nothing
      holm-pg apply                             show the plan, ask, apply, wait until all is ready
      holm-pg apply --yes -o json               the same in a pipeline, as a stream of events
      holm-pg apply --target Deployment/web     only this and what it depends on
      holm-pg destroy --allow-delete PersistentVolumeClaim/data
                                                delete everything, this claim included
      holm-pg status                            what the stack owns, and what is wrong with it
      holm-pg stack list                        which stacks of this program the cluster has
      holm-pg graph --format dot | dot -Tsvg    draw the graph

    Exit codes:
      0  done; for `plan` and `status` also where there is something to report
      1  an error, or a plan that is blocked; also where the command line is wrong
      2  with --detailed-exitcode: `plan` found changes, `status` something that is not ready
    ");
}

#[cfg(feature = "embedded")]
#[test]
fn the_help_of_apply_is_this() {
    insta::assert_snapshot!(help(&["apply", "--help"]), @r#"
    Show the plan, ask, carry it out, and wait until everything is ready

    Usage: holm-pg apply [OPTIONS]

    Options:
          --target <KIND/NAME>        Only this resource and what it depends on; may be repeated.
                                      Nothing else is changed or deleted
          --allow-delete <KIND/NAME>  Consent to delete or replace this resource, although it is
                                      protected or holds data; may be repeated
          --adopt <KIND/NAME|all>     Consent to adopt this object, which another client made; may be
                                      repeated, or all. Needed with --yes only: at a terminal the plan
                                      that is shown and confirmed is enough
          --regenerate <NAME>         Make this generated value anew, also where the old one is lost:
                                      the way to rotate a password; may be repeated
          --rerun <Job/NAME>          Run this Job again, failed or not: it is deleted and made anew;
                                      may be repeated
          --prune-fields              Remove the fields that people added to the stack's objects with
                                      kubectl and the like, which a plan notes as "also set by"
          --thorough                  Ask the server about every object, also where field ownership
                                      proves that nothing changed
          --details                   Show also what is unchanged, and every field of what is created
      -y, --yes                       Do not ask. Gives no consent to lose data: that takes
                                      --allow-delete
          --parallel <NUMBER>         How many requests may be in flight [default: 32]
          --logs[=<WHOSE>]            Whose logs to show while they are waited for: jobs, all or none;
                                      --logs alone is all [default: jobs]
          --timeout <DURATION>        How long each resource may take to become ready, or to go
                                      [default: 10m, or what it allows itself by its progress deadline
                                      or startup probe]
          --total-timeout <DURATION>  How long the whole run may take; then nothing new is begun, and
                                      what was done is recorded [default: for ever]
      -h, --help                      Print help

    Common options:
          --stack <NAME>               The stack: one named deployment of this program [default:
                                       default]
          --config <KEY=VALUE>         A value for the program; may be repeated. Give secrets as the
                                       environment variable HOLM_CONFIG_KEY instead: other users of the
                                       machine can see command lines
          --config-file <FILE>         The file of the configuration [default: holm.toml in this folder,
                                       or in the nearest one above]
          --identity <FILE>            A file with a private key of age or ssh, for encrypted values;
                                       may be repeated [default: the key in $HOLM_IDENTITY,
                                       ~/.config/holm/identity.txt, ~/.ssh/id_ed25519]
      -n, --namespace <NAME>           The namespace of resources that name none
          --context <NAME>             The context of the kubeconfig [default: its current one]
          --kubeconfig <FILE>          The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the
                                       service account of the pod this runs in]
          --cluster <embedded[:NAME]>  Instead of a cluster of a kubeconfig: embedded, the one in this
                                       process with a simulated node, which is kept for this user; or
                                       embedded:NAME for another one [default: embedded where there is
                                       no kubeconfig, and CI is not set]
      -o, --output <FORMAT>            What standard output holds: text for people, or json with a
                                       versioned schema [default: text]
      -v, --verbose                    Report every request on standard error: method, path, status and
                                       duration, never a body
          --color <WHEN>               When to use colours: auto, always or never. NO_COLOR and
                                       TERM=dumb are honoured [default: auto]
    "#);
}

#[test]
fn the_version_names_the_program_and_the_library() {
    let text = help(&["--version"]);
    assert!(text.starts_with("holm-pg (holm "), "{text}");
}

#[cfg(feature = "embedded")]
mod embedded {
    use super::*;

    #[test]
    fn a_cluster_is_embedded_with_a_name_or_it_is_refused() {
        let named = |line: &str| settings(line).cluster.map(|cluster| cluster.0);
        assert_eq!(named("plan"), None);
        for line in ["plan --cluster embedded", "--cluster embedded plan", "cluster status --cluster embedded:default"]
        {
            assert_eq!(named(line).as_deref(), Some("default"), "{line}");
        }
        assert_eq!(named("cluster reset --cluster embedded:dev-2 --yes").as_deref(), Some("dev-2"));
        for name in ["kind", "embedded-2", "embedded:", "embedded:../x", "embedded:A"] {
            assert!(read(&format!("plan --cluster {name}")).is_err(), "{name}");
        }
    }

    #[test]
    fn a_cluster_that_is_embedded_has_no_kubeconfig() {
        for line in [
            "plan --cluster embedded --context a",
            "--cluster embedded plan --kubeconfig b",
            "--context a plan --cluster embedded",
        ] {
            let error = read(line).expect("clap sees one place at a time").settings().expect_err("they contradict");
            assert!(error.contains("--kubeconfig"), "{line}: {error}");
        }
    }

    #[test]
    fn the_help_of_the_cluster_is_this() {
        insta::assert_snapshot!(help(&["cluster", "--help"]), @"
        Run, show, reset, export or import the embedded cluster of this user. Needs no stack

        Usage: holm-pg cluster <COMMAND>

        Commands:
          start       Run it in the foreground with a listener, for kubectl and other programs, until Ctrl-C
          status      Show where it is kept, what it holds, and who is using it
          reset       Forget everything in it
          export      Write all its objects to a YAML file that only you can read: Secrets are among them
          import      Begin it anew with the objects of such a file
          kubeconfig  Print the path of the kubeconfig with which it can be reached while `cluster start`
                      runs

        Options:
          -h, --help  Print help
        ");
        insta::assert_snapshot!(help(&["cluster", "export", "--help"]), @"
        Write all its objects to a YAML file that only you can read: Secrets are among them

        Usage: holm-pg cluster export [OPTIONS] <FILE>

        Arguments:
          <FILE>  The file, which must not exist yet; `-` for standard output

        Options:
              --to-terminal  Write to standard output also where that is a terminal, Secrets and all
          -h, --help         Print help

        Common options:
              --cluster <embedded[:NAME]>  Which one: embedded, or embedded:NAME for another one [default:
                                           embedded]
          -o, --output <FORMAT>            What standard output holds: text for people, or json with a
                                           versioned schema [default: text]
              --color <WHEN>               When to use colours: auto, always or never. NO_COLOR and
                                           TERM=dumb are honoured [default: auto]
        ");
    }
}
