//! A message from a client becomes a call, an answer becomes a message. Pure.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{MOST_PATHS, interface, wire};

/// What can be called.
#[derive(Debug, PartialEq)]
pub(super) enum Call {
    Info,
    Description(&'static str),
    Status,
    Sync {
        paths: Vec<PathBuf>,
        /// How long the client will wait.
        limit: Option<Duration>,
    },
}

/// A call, or the error to answer it with.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) call: Result<Call, Fault>,
    /// The client wants no answer.
    pub(super) oneway: bool,
}

/// An error as a client is told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    /// With its interface.
    name: String,
    /// `None` for an error without parameters: not every client reads empty ones.
    parameters: Option<Value>,
}

impl Fault {
    /// An error of our own interface.
    pub(super) fn own(name: &str, parameters: Option<Value>) -> Self {
        Self { name: format!("{}.{name}", interface::NAME), parameters }
    }

    fn service(name: &str, field: &str, value: &str) -> Self {
        Self { name: format!("{}.{name}", interface::SERVICE_NAME), parameters: Some(json!({ field: value })) }
    }

    fn parameter(name: &str) -> Self {
        Self::service("InvalidParameter", "parameter", name)
    }

    /// The message.
    pub(super) fn message(&self) -> String {
        match &self.parameters {
            Some(parameters) => json!({ "error": self.name, "parameters": parameters }).to_string(),
            None => json!({ "error": self.name }).to_string(),
        }
    }
}

/// The message that carries the output of a method.
///
/// # Errors
/// Those of the serializer.
pub(super) fn reply(output: &impl Serialize) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Reply<'a, T> {
        parameters: &'a T,
    }
    serde_json::to_string(&Reply { parameters: output })
}

/// Reads a message; `None` if it is none of Varlink.
pub(super) fn parse(message: &Bytes) -> Option<Asked> {
    #[derive(Deserialize)]
    struct Message {
        method: String,
        #[serde(default)]
        parameters: Option<Map<String, Value>>,
        #[serde(default)]
        oneway: bool,
        #[serde(default)]
        upgrade: bool,
    }
    let Message { method, parameters, oneway, upgrade } = serde_json::from_slice(message).ok()?;
    let call = if upgrade {
        // Refused: a success would say that Varlink is spoken no more.
        Err(Fault::parameter("upgrade"))
    } else {
        call(&method, parameters.unwrap_or_default())
    };
    Some(Asked { call, oneway })
}

fn call(method: &str, mut parameters: Map<String, Value>) -> Result<Call, Fault> {
    let (interface, name) = method.rsplit_once('.').unwrap_or_default();
    let call = match (interface, name) {
        (interface::SERVICE_NAME, "GetInfo") => Call::Info,
        (interface::SERVICE_NAME, "GetInterfaceDescription") => {
            let wanted: String = take(&mut parameters, "interface")?.ok_or_else(|| Fault::parameter("interface"))?;
            let description = interface::description(&wanted);
            Call::Description(description.ok_or_else(|| Fault::service("InterfaceNotFound", "interface", &wanted))?)
        }
        (interface::NAME, "GetStatus") => Call::Status,
        (interface::NAME, "Sync") => Call::Sync { paths: paths(&mut parameters)?, limit: limit(&mut parameters)? },
        _ if interface::description(interface).is_some() => {
            return Err(Fault::service("MethodNotFound", "method", method));
        }
        _ => return Err(Fault::service("InterfaceNotFound", "interface", interface)),
    };
    match parameters.keys().next() {
        Some(unknown) => Err(Fault::parameter(unknown)),
        None => Ok(call),
    }
}

fn paths(parameters: &mut Map<String, Value>) -> Result<Vec<PathBuf>, Fault> {
    let wrong = || Fault::parameter("paths");
    let named: Vec<wire::Path> = take(parameters, "paths")?.ok_or_else(wrong)?;
    if named.len() > MOST_PATHS {
        return Err(wrong());
    }
    let path = |path: wire::Path| {
        let path = PathBuf::try_from(path).map_err(|_| wrong())?;
        let usable = path.is_absolute() && !path.as_os_str().as_bytes().contains(&0);
        if usable { Ok(path) } else { Err(wrong()) }
    };
    named.into_iter().map(path).collect()
}

fn limit(parameters: &mut Map<String, Value>) -> Result<Option<Duration>, Fault> {
    let seconds: Option<f64> = take(parameters, "timeout_seconds")?;
    let limit = seconds.map(Duration::try_from_secs_f64).transpose();
    limit.map_err(|_| Fault::parameter("timeout_seconds"))
}

/// Takes a parameter out; `None` where it is missing or null.
fn take<T: DeserializeOwned>(parameters: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Fault> {
    let value = parameters.remove(name).filter(|value| !value.is_null());
    value.map(serde_json::from_value).transpose().map_err(|_| Fault::parameter(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(message: &str) -> Option<Asked> {
        parse(&Bytes::copy_from_slice(message.as_bytes()))
    }

    /// The message of the error that a call is answered with.
    fn fault(message: &str) -> String {
        asked(message).unwrap().call.unwrap_err().message()
    }

    #[test]
    fn parameters_are_read() {
        let sync = r#"{"method":"org.pycwarm.Control.Sync","parameters":{"paths":[{"path":"/a"},{"path":"/?","path_bytes":"L/8="}],"timeout_seconds":1.5}}"#;
        let path = std::ffi::OsStr::from_bytes(b"/\xff");
        let expected = Call::Sync { paths: vec!["/a".into(), path.into()], limit: Some(Duration::from_millis(1500)) };
        assert_eq!(asked(sync), Some(Asked { call: Ok(expected), oneway: false }));
        let status = r#"{"method":"org.pycwarm.Control.GetStatus","oneway":true,"more":false}"#;
        assert_eq!(asked(status), Some(Asked { call: Ok(Call::Status), oneway: true }));
    }

    #[test]
    fn what_cannot_be_called_is_answered_with_an_error() {
        let sync = |parameters: &str| {
            fault(&format!(r#"{{"method":"org.pycwarm.Control.Sync","parameters":{{{parameters}}}}}"#))
        };
        for wrong in [
            r#""paths":1"#,
            r#""paths":[{"path":"a"}]"#,
            r#""paths":[{"path":"/a","path_bytes":"?"}]"#,
            "",
            r#""paths":[{"path":"/\u0000"}]"#,
        ] {
            assert!(sync(wrong).contains(r#""parameter":"paths""#), "{wrong}");
        }
        for wrong in ["-1", "1e300", "\"1\""] {
            let parameters = format!(r#""paths":[],"timeout_seconds":{wrong}"#);
            assert!(sync(&parameters).contains(r#""parameter":"timeout_seconds""#), "{wrong}");
        }
        assert!(sync(r#""paths":[],"force":true"#).contains(r#""parameter":"force""#));
        insta::assert_snapshot!(fault(r#"{"method":"org.pycwarm.Control.Stop"}"#), @r#"{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"org.pycwarm.Control.Stop"}}"#);
        insta::assert_snapshot!(fault(r#"{"method":"org.example.Stop"}"#), @r#"{"error":"org.varlink.service.InterfaceNotFound","parameters":{"interface":"org.example"}}"#);
        insta::assert_snapshot!(fault(r#"{"method":"Stop"}"#), @r#"{"error":"org.varlink.service.InterfaceNotFound","parameters":{"interface":""}}"#);
    }

    #[test]
    fn too_many_paths_are_refused() {
        let paths = vec![r#"{"path":"/a"}"#; MOST_PATHS + 1].join(",");
        let call = format!(r#"{{"method":"org.pycwarm.Control.Sync","parameters":{{"paths":[{paths}]}}}}"#);
        assert!(fault(&call).contains("InvalidParameter"));
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for text in ["", "{", "[]", "{}", r#"{"method":1}"#, r#"{"method":"a.b","parameters":[]}"#, "\u{fffd}"] {
            assert_eq!(asked(text), None, "{text}");
        }
    }
}
