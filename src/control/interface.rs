//! What the service says of itself, as every Varlink service does.

use serde::Serialize;

/// The name of the interface.
pub(super) const NAME: &str = "org.pycwarm.Control";

/// Its description, which clients may ask for.
pub(super) const DESCRIPTION: &str = include_str!("../../docs/org.pycwarm.Control.varlink");

/// The interface that every Varlink service has.
pub(super) const SERVICE_NAME: &str = "org.varlink.service";

pub(super) const SERVICE_DESCRIPTION: &str = "\
interface org.varlink.service

method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)

method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)

error MethodNotFound (method: string)

error MethodNotImplemented (method: string)

error InvalidParameter (parameter: string)

error PermissionDenied ()

error ExpectedMore ()
";

/// What `GetInfo` returns.
#[derive(Debug, Serialize)]
pub(super) struct Info {
    vendor: &'static str,
    product: &'static str,
    version: &'static str,
    url: &'static str,
    interfaces: [&'static str; 2],
}

pub(super) fn info() -> Info {
    Info {
        vendor: env!("CARGO_PKG_NAME"),
        product: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        url: env!("CARGO_PKG_HOMEPAGE"),
        interfaces: [SERVICE_NAME, NAME],
    }
}

/// The description of the interface of this name.
pub(super) fn description(interface: &str) -> Option<&'static str> {
    match interface {
        NAME => Some(DESCRIPTION),
        SERVICE_NAME => Some(SERVICE_DESCRIPTION),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use zlink::idl::{CustomType, Interface};
    use zlink::introspect::CustomType as _;

    use super::super::wire;
    use super::*;

    fn list<'a>(parameters: impl Iterator<Item = &'a zlink::idl::Parameter<'a>>) -> String {
        let parameters = parameters.map(|parameter| format!("{}: {}", parameter.name(), parameter.ty()));
        format!("({})", parameters.collect::<Vec<_>>().join(", "))
    }

    /// Name and fields, without the comments.
    fn shape(custom: &CustomType<'_>) -> (String, Vec<(String, String)>) {
        let CustomType::Object(object) = custom else { panic!("{} is no object", custom.name()) };
        let fields = object.fields().map(|field| (field.name().to_string(), field.ty().to_string()));
        (object.name().to_string(), fields.collect())
    }

    #[test]
    fn the_description_has_the_types_of_the_wire() {
        let interface = Interface::try_from(DESCRIPTION).unwrap();
        let described: Vec<_> = interface.custom_types().map(shape).collect();
        let types = [
            wire::Path::CUSTOM_TYPE,
            wire::Failure::CUSTOM_TYPE,
            wire::TreeStatus::CUSTOM_TYPE,
            wire::Lack::CUSTOM_TYPE,
            wire::Jail::CUSTOM_TYPE,
            wire::Status::CUSTOM_TYPE,
        ];
        assert_eq!(described, types.map(shape));
    }

    #[test]
    fn the_description_has_the_methods_and_errors() {
        let interface = Interface::try_from(DESCRIPTION).unwrap();
        assert_eq!(*interface.name(), NAME);
        let method = |method: &zlink::idl::Method<'_>| {
            format!("{}{} -> {}", method.name(), list(method.inputs()), list(method.outputs()))
        };
        let methods: Vec<_> = interface.methods().map(method).collect();
        let sync = "Sync(paths: []Path, timeout_seconds: ?float) -> (failures: []Failure)";
        assert_eq!(methods, [sync, "GetStatus() -> (status: Status)"]);
        let errors = interface.errors().map(|error| format!("{}{}", error.name(), list(error.fields())));
        assert_eq!(errors.collect::<Vec<_>>(), ["NotInTree(path: Path)", "TimedOut()", "Stopping()"]);
    }

    #[test]
    fn the_description_of_the_service_can_be_read() {
        let interface = Interface::try_from(SERVICE_DESCRIPTION).unwrap();
        assert_eq!(*interface.name(), SERVICE_NAME);
        assert_eq!(interface.methods().count(), 2);
    }
}
