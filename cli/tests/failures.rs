//! What the program says when something is wrong, and that it never says a password.

mod support;

use support::process::free_port;
use support::{Answer, SECRET, Scene, run};

/// One of every kind of command.
const COMMANDS: [&[&str]; 5] = [
    &["get", "shop:book:1"],
    &["keys", "shop", "book"],
    &["stats", "shop", "book"],
    &["watch", "shop", "book", "--rounds", "1"],
    &["clear", "shop", "book", "--yes"],
];

fn each_command(url: &str, check: impl Fn(&[&str], &Answer)) {
    for command in COMMANDS {
        let answer = run(url, command);
        check(command, &answer);
        assert!(!answer.says(SECRET), "{command:?} says the password: {answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_as_the_cause() {
    let url = format!("redis://shop:{SECRET}@127.0.0.1:{}", free_port());
    each_command(&url, |command, answer| {
        assert!(answer.code == 3 && answer.err.contains("cannot be reached"), "{command:?}: {answer:?}");
    });
}

#[tokio::test]
async fn a_wrong_password_is_named_as_the_cause() {
    let scene = Scene::new().await;
    scene.user(&["on", ">another", "~*", "+@all"]).await;
    for url in [scene.url_of_user(), format!("redis://nobody:{SECRET}@127.0.0.1:{}", scene.redis.port())] {
        each_command(&url, |command, answer| {
            assert!(answer.code == 4 && answer.err.contains("password"), "{command:?}: {answer:?}");
        });
    }
}

#[tokio::test]
async fn a_missing_password_is_named_as_the_cause() {
    let scene = Scene::with_options(&["--requirepass", SECRET]).await;
    each_command(&format!("redis://127.0.0.1:{}", scene.redis.port()), |command, answer| {
        assert!(answer.code == 4 && answer.err.contains("password"), "{command:?}: {answer:?}");
    });
    each_command(&format!("redis://:{SECRET}@127.0.0.1:{}", scene.redis.port()), |command, answer| {
        assert_eq!(answer.code, 0, "{command:?}: {answer:?}");
    });
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let scene = Scene::new().await;
    let password = format!(">{SECRET}");
    for (lack, named, commands) in [
        ("-scan", "scan", &COMMANDS[1..]),
        ("-getrange", "getrange", &COMMANDS[1..4]),
        ("-pttl", "pttl", &COMMANDS[..4]),
        ("-evalsha", "evalsha", &COMMANDS[4..]),
    ] {
        scene.user(&["on", &password, "~*", "+@all", lack]).await;
        for command in commands {
            let answer = run(&scene.url_of_user(), command);
            assert!(answer.code == 5 && answer.err.to_lowercase().contains(named), "{command:?}: {answer:?}");
            assert!(!answer.says(SECRET), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_password_is_never_said() {
    let scene = Scene::new().await;
    scene.user(&["on", &format!(">{SECRET}"), "~*", "+@all"]).await;
    let url = scene.url_of_user();
    each_command(&url, |command, answer| assert_eq!(answer.code, 0, "{command:?}: {answer:?}"));
    for command in COMMANDS {
        let json = [command, &["--json"]].concat();
        assert!(!run(&url, &json).says(SECRET), "{json:?}");
        let by_argument = [command, &["--redis", &url]].concat();
        assert!(!run("", &by_argument).says(SECRET), "{by_argument:?}");
    }
    let help: [&[&str]; 8] = [
        &["--help"],
        &["-h"],
        &["--version"],
        &["help", "get"],
        &["get", "--help"],
        &["clear", "-h"],
        &["watch", "--help"],
        &[],
    ];
    // A URL in the wrong place, or with too much of it.
    let wrong: [&[&str]; 4] =
        [&[&url], &["stats", "shop", "book", &url], &["--json", &url, "get"], &["get", "a", "b", "c", &url]];
    for arguments in help.into_iter().chain(wrong) {
        let answer = run(&url, arguments);
        assert!(!answer.says(SECRET), "{arguments:?}: {answer:?}");
    }
    for malformed in [
        format!("shop:{SECRET}@host"),
        format!("http://shop:{SECRET}@host"),
        format!("redis://shop:{SECRET}@host:port"),
        format!("redis://shop:{SECRET}@[::1"),
    ] {
        let answer = run(&malformed, &["stats", "shop", "book"]);
        assert!(answer.code == 2 && !answer.says(SECRET), "{malformed}: {answer:?}");
    }
}

#[test]
fn wrong_arguments_have_an_exit_code_of_their_own() {
    for arguments in
        [&["get"][..], &["get", "a", "b"], &["keys", "shop"], &["burn"], &["stats", "shop", "book"]]
    {
        assert_eq!(run("", arguments).code, 2, "{arguments:?}");
    }
}

#[tokio::test]
async fn the_documented_rule_is_all_that_looking_needs() {
    let scene = Scene::new().await;
    scene.plant_every_state().await;
    let page = include_str!("../../docs/guide/cli.md");
    let rule =
        page.lines().find_map(|line| line.strip_prefix("ACL SETUSER reader on >password ")).expect("a rule");
    let password = format!(">{SECRET}");
    let rules: Vec<&str> = ["on", &password].into_iter().chain(rule.split_whitespace()).collect();
    scene.user(&rules).await;
    for command in COMMANDS[..4].iter().chain([&&["get", "shop:book:two"][..]]) {
        let answer = run(&scene.url_of_user(), command);
        assert_eq!(answer.code, 0, "{command:?}: {answer:?}");
    }
    let answer = run(&scene.url_of_user(), COMMANDS[4]);
    assert!(answer.code == 5 && answer.err.contains("SET"), "{answer:?}");
}
