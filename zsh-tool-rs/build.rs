//! Refuses to build an executor for use on Linux that would need libraries at run time.

fn main() {
    println!("cargo::rerun-if-env-changed=ZSH_TOOL_BUILD_ZSH");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let is_linux = var("CARGO_CFG_TARGET_OS") == "linux";
    let is_static = var("CARGO_CFG_TARGET_FEATURE")
        .split(',')
        .any(|feature| feature == "crt-static");
    // Checks may be compiled any way; what people use may not.
    if is_linux && !is_static && var("PROFILE") == "release" {
        println!(
            "cargo::error=The executor must be one static file. Build it from within the repository, \
             so that cargo finds .cargo/config.toml, and without RUSTFLAGS of your own, which would \
             replace what stands there (or add `-C target-feature=+crt-static` to them)."
        );
    }
}
