//! The merged configuration as `pycwarm config` shows it.

use pycwarm::config::Overrides;

use crate::level;
use crate::machine::{ADMIN, Machine, VENDOR};

#[test]
fn the_explanation_names_the_origin_of_each_value() {
    let machine = Machine::new(&[
        (VENDOR, "jobs = 2\n\n[[tree]]\npath = \"/var/www/cgi-bin\"\nreaders = [\"apache\"]\n"),
        (
            ADMIN,
            "[defaults]\nexclude = [\n  'a\\b',\n  \"\\\"#\",\n]\n[[tree]]\npath = \"/var/www/cgi-bin\"\nmode = \"0640\"\nenabled = true\n",
        ),
    ]);
    let overrides = Overrides { optimize: vec![level(1)], ..Overrides::default() };
    let explained = machine.merged().overridden(&overrides).explain().to_string();
    insta::assert_snapshot!(machine.cut(&explained), @r##"
# read in this order, the later ones win:
#   /usr/lib/pycwarm/pycwarm.toml
#   /etc/pycwarm/pycwarm.toml
jobs = 2  # /usr/lib/pycwarm/pycwarm.toml:1
compile-timeout = 120  # default
worker-memory = 1024  # default
rescan-interval = 3600  # default
poll-interval = 10  # default
queue-limit = 65536  # default
control-group = ""  # default
file-contexts = ""  # default

[defaults]
python = ["auto"]  # default
optimize = [1]  # command line
invalidation-mode = "timestamp"  # default
owner = "source"  # default
mode = "source"  # default
context = "policy"  # default
watch = "auto"  # default
cross-owners = false  # default
cross-mounts = false  # default
exclude = ['a\b', '"#']  # /etc/pycwarm/pycwarm.toml:2

[[tree]]
path = "/var/www/cgi-bin"  # /usr/lib/pycwarm/pycwarm.toml:4
enabled = true  # /etc/pycwarm/pycwarm.toml:9
readers = ["apache"]  # /usr/lib/pycwarm/pycwarm.toml:5
optimize = [1]  # command line
mode = "0640"  # /etc/pycwarm/pycwarm.toml:8
"##);
    insta::assert_snapshot!(Machine::new(&[]).merged().explain(), @r#"
# no configuration file
jobs = 0  # default
compile-timeout = 120  # default
worker-memory = 1024  # default
rescan-interval = 3600  # default
poll-interval = 10  # default
queue-limit = 65536  # default
control-group = ""  # default
file-contexts = ""  # default

[defaults]
python = ["auto"]  # default
optimize = [0]  # default
invalidation-mode = "timestamp"  # default
owner = "source"  # default
mode = "source"  # default
context = "policy"  # default
watch = "auto"  # default
cross-owners = false  # default
cross-mounts = false  # default
exclude = []  # default
"#);
}

#[test]
fn the_explanation_means_the_same() {
    let machine = Machine::with(
        "jobs = 2\n[defaults]\npython = [\"/a b/\\u001bpython\", 'c\"d']\nexclude = ['\\#', \"'''\", 'ä\\\"']\n[[tree]]\npath = \"/a\\nb'\\\"\"\nreaders = []\n",
    );
    let again = Machine::with(&machine.merged().explain().to_string());
    assert_eq!(again.settings(), machine.settings());
}
