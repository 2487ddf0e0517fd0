//! Compiles the programs of `bpf/` with clang; their objects are embedded in the crate.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

const SOURCES: &str = "../../bpf";
const PROGRAMS: [&str; 3] = ["select", "sockets", "holdings"];

fn main() {
    println!("cargo::rerun-if-changed={SOURCES}");
    for program in PROGRAMS {
        compile(program);
    }
}

fn compile(program: &str) {
    let object = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join(format!("{program}.bpf.o"));
    let mut clang = Command::new("clang");
    clang.args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror"]);
    // Debian keeps <asm/types.h> under the name of the machine, where clang does not look for a foreign target.
    for folder in asm_folders() {
        clang.arg("-idirafter").arg(folder);
    }
    clang.args(["-c", &format!("{SOURCES}/{program}.bpf.c"), "-o"]).arg(&object);
    match clang.status() {
        Ok(status) if status.success() => {}
        Ok(_) => fail(&format!(
            "clang could not compile bpf/{program}.bpf.c; are the headers of libbpf installed (libbpf-dev)?"
        )),
        Err(error) => fail(&format!("clang is needed to compile bpf/{program}.bpf.c: {error}")),
    }
}

fn asm_folders() -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir("/usr/include").into_iter().flatten().flatten().map(|entry| entry.path());
    let machine = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let named = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&machine));
    entries.filter(|path| named(path) && path.join("asm/types.h").exists()).collect()
}

fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    std::process::exit(1);
}
