//! B8: the committed code is what the `.proto` files say, and every message and field of the API is documented.

use prost::Message as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FILES: [&str; 4] = [
    "hotpair/common/v1/common.proto",
    "hotpair/heartbeat/v1/heartbeat.proto",
    "hotpair/resource/v1/resource.proto",
    "hotpair/arbiter/v1/arbiter.proto",
];

fn generate(into: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut compiler = protox::Compiler::new([&root]).expect("proto root");
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES).unwrap_or_else(|error| panic!("{error:?}"));
    let set = compiler.file_descriptor_set();
    tonic_prost_build::configure().out_dir(into).compile_fds(set).expect("generate");
    let mut files: BTreeMap<PathBuf, Vec<u8>> = std::fs::read_dir(into)
        .expect("read")
        .map(|entry| entry.expect("entry").path())
        .map(|path| (PathBuf::from(path.file_name().expect("name")), std::fs::read(&path).expect("read")))
        .collect();
    files.insert("descriptors.bin".into(), compiler.encode_file_descriptor_set());
    files
}

#[test]
fn generated_code_is_up_to_date() {
    let dir = std::env::temp_dir().join(format!("hotpair-proto-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("temporary directory");
    let fresh = generate(&dir);
    std::fs::remove_dir_all(&dir).expect("clean");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen");
    for (name, content) in fresh {
        let path = committed.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &content).expect("write");
        }
        let old = std::fs::read(&path).unwrap_or_default();
        assert!(old == content, "{} is out of date: run with UPDATE_GOLDEN=1", path.display());
    }
}

#[test]
fn every_service_method_message_and_field_is_documented() {
    let set = prost_types::FileDescriptorSet::decode(hotpair_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
    let mut missing = Vec::new();
    for file in set.file.iter().filter(|f| f.name().starts_with("hotpair/")) {
        let documented: Vec<Vec<i32>> = file
            .source_code_info
            .iter()
            .flat_map(|info| &info.location)
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path.clone())
            .collect();
        let mut need = |path: Vec<i32>, name: String| {
            if !documented.contains(&path) {
                missing.push(format!("{}: {name}", file.name()));
            }
        };
        let at = |i: usize| i32::try_from(i).expect("small");
        for (m, message) in file.message_type.iter().enumerate() {
            need(vec![4, at(m)], message.name().to_owned());
            for (f, field) in message.field.iter().enumerate() {
                need(vec![4, at(m), 2, at(f)], format!("{}.{}", message.name(), field.name()));
            }
        }
        for (e, enumeration) in file.enum_type.iter().enumerate() {
            need(vec![5, at(e)], enumeration.name().to_owned());
            for (v, value) in enumeration.value.iter().enumerate() {
                need(vec![5, at(e), 2, at(v)], value.name().to_owned());
            }
        }
        for (s, service) in file.service.iter().enumerate() {
            need(vec![6, at(s)], service.name().to_owned());
            for (m, method) in service.method.iter().enumerate() {
                need(vec![6, at(s), 2, at(m)], format!("{}.{}", service.name(), method.name()));
            }
        }
    }
    assert!(missing.is_empty(), "undocumented: {missing:#?}");
}
