//! `demo`: the whole walk, with nothing set up.

use crate::support::Hubctl;

#[test]
fn the_walk_comes_to_its_end() {
    let demo = Hubctl::new(&["demo"]).run();
    assert_eq!(demo.code, 0, "{}", demo.stderr);
    assert!(
        demo.stdout.contains("==== From: 'device1' at '"),
        "{}",
        demo.stdout
    );
    assert!(
        demo.stdout.contains("{\"temperature\": 24.5}"),
        "{}",
        demo.stdout
    );
    for command in [
        "hubctl emulator",
        "hubctl sas-token device1",
        "hubctl send device1",
        "hubctl monitor-events device1",
    ] {
        assert!(
            demo.stderr.contains(command) || demo.stdout.contains(command),
            "{command} is not shown: {}",
            demo.stderr
        );
    }
}
