//! Clients that others have written: zlink, and systemd's varlinkctl where there is one.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zlink::idl::Interface;
use zlink::varlink_service::Proxy as _;

use crate::answering::Answering;
use crate::support::process::{clean_command, has_program};
use crate::support::run::run;
use crate::support::skip::skipped;

const DESCRIPTION: &str = include_str!("../../docs/org.pycwarm.Control.varlink");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Synced {
    failures: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Told {
    status: Value,
}

#[derive(Debug, PartialEq, zlink::ReplyError)]
#[zlink(interface = "org.pycwarm.Control")]
enum Refusal {
    NotInTree { path: Named },
    TimedOut,
    Stopping,
}

#[zlink::proxy("org.pycwarm.Control")]
trait Control {
    async fn sync(&mut self, paths: &[Named], timeout_seconds: Option<f64>) -> zlink::Result<Result<Synced, Refusal>>;
    async fn get_status(&mut self) -> zlink::Result<Result<Told, Refusal>>;
}

async fn connect(socket: &Path) -> zlink::tokio::unix::Connection {
    zlink::tokio::unix::connect(socket).await.expect("somebody listens")
}

fn named(path: &str) -> Named {
    Named { path: path.into(), path_bytes: None }
}

#[test]
fn zlink_calls_the_methods() {
    let daemon = Answering::start();
    daemon.block_on(async {
        let mut client = connect(&daemon.socket()).await;
        let end = client.sync(&[], None).await.expect("an answer").expect("a success");
        assert_eq!(end.failures[0]["line"], 7);
        let told = client.get_status().await.expect("an answer").expect("a success");
        assert_eq!((&told.status["ready"], &told.status["waiting"]), (&true.into(), &0.into()));
        let odd = Named { path: "/outside?".into(), path_bytes: Some("L291dHNpZGX/".into()) };
        let refusal = client.sync(&[odd], None).await.expect("an answer").expect_err("a refusal");
        let odd = Named { path: "/outside\u{fffd}".into(), path_bytes: Some("L291dHNpZGX/".into()) };
        assert_eq!(refusal, Refusal::NotInTree { path: odd });
        let refusal = client.sync(&[named("/slow")], Some(0.01)).await.expect("an answer").expect_err("a refusal");
        assert_eq!(refusal, Refusal::TimedOut);
        let wrong = client.sync(&[named("relative")], None).await.expect_err("a wrong parameter");
        assert!(wrong.to_string().contains("Invalid parameter: paths"), "{wrong}");
    });
}

#[test]
fn zlink_reads_the_description() {
    let daemon = Answering::start();
    daemon.block_on(async {
        let mut client = connect(&daemon.socket()).await;
        let info = client.get_info().await.expect("an answer").expect("a success");
        assert_eq!((info.product.as_ref(), info.version.as_ref()), ("pycwarm", env!("CARGO_PKG_VERSION")));
        let names: Vec<String> = info.interfaces.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["org.varlink.service", "org.pycwarm.Control"]);
        for name in names {
            let name = name.as_str().try_into().expect("a name");
            let told = client.get_interface_description(name).await.expect("an answer").expect("a success");
            let text = told.as_raw().expect("a text");
            let read = Interface::try_from(text).expect("an interface");
            assert!(text == DESCRIPTION || *read.name() == "org.varlink.service");
        }
    });
}

#[test]
fn varlinkctl_calls_and_introspects() {
    let name = "varlinkctl_calls_and_introspects";
    if !has_program("varlinkctl") {
        return skipped(name, "there is no varlinkctl on the PATH (systemd 255 or later)");
    }
    let daemon = Answering::start();
    let introspected =
        run(clean_command("varlinkctl").arg("introspect").arg(daemon.socket()).arg("org.pycwarm.Control"));
    assert!(introspected.status == 0 && introspected.text().contains("method Sync"), "{introspected:?}");
    let mut call = clean_command("varlinkctl");
    call.args(["--json=short", "call"]).arg(daemon.socket()).args(["org.pycwarm.Control.Sync", r#"{"paths":[]}"#]);
    let called = run(&mut call);
    assert!(called.status == 0 && called.text().contains("broken.py"), "{called:?}");
}
