# The checks of .ci/checks.toml, each by the command that stands there, from declared inputs alone.
# A name in that file without an answer here does not evaluate, and neither does the reverse.
{
  pkgs,
  self,
  nixpkgs,
  crane,
  advisory-db,
  ours,
  tools,
}:
let
  inherit (pkgs) lib;
  inherit (ours) zsh-tool zsh-tool-exec python3;
  listed = (lib.importTOML ../.ci/checks.toml).check;
  source = lib.fileset.toSource {
    root = ../.;
    fileset = ../.;
  };

  # Natively and unoptimised, as cargo does by itself: one compilation of the crates for clippy and tests.
  craneLib = crane.mkLib pkgs;
  crate = {
    inherit (zsh-tool-exec) version;
    pname = "zsh-tool-exec";
    src = lib.fileset.toSource {
      root = ../zsh-tool-rs;
      fileset = ../zsh-tool-rs;
    };
    CARGO_PROFILE = "dev";
    inherit (lib.importTOML ../.cargo/config.toml) env;
  };
  cargoArtifacts = craneLib.buildDepsOnly crate;
  inRust =
    check:
    craneLib.mkCargoDerivation (
      crate
      // {
        # formatting is seen without compiling anything
        cargoArtifacts = if check.name == "rust-format" then null else cargoArtifacts;
        pnameSuffix = "-${check.name}";
        nativeBuildInputs = [
          pkgs.clippy
          pkgs.rustfmt
          (python3.withPackages tools.python)
        ]
        ++ tools.tests;
        preBuild = "export HOME=$TMPDIR";
        buildPhaseCargoCommand = check.run;
        doInstallCargoArtifacts = false;
        # tests watch the clock: let the long compilations be over
        waitsFor = lib.optionals (check.name == "rust-tests") [
          zsh-tool-exec
          again
        ];
      }
    );

  # Programs that compare the two languages' rules, from the crate's examples.
  rules = craneLib.mkCargoDerivation (
    crate
    // {
      inherit cargoArtifacts;
      pnameSuffix = "-examples";
      buildPhaseCargoCommand = "cargo build --locked --examples";
      doInstallCargoArtifacts = false;
      installPhaseCommand = ''
        mkdir -p $out/bin
        # below the target's own name where crane says that one
        find target -path '*/debug/examples/*' -type f -executable ! -name '*-*' -exec cp -t $out/bin {} +
        test -x $out/bin/rules
      '';
    }
  );

  atTop =
    extra: check:
    pkgs.runCommand "zsh-tool-${check.name}"
      (
        {
          nativeBuildInputs = [
            (python3.withPackages tools.python)
            pkgs.ruff
          ]
          ++ tools.tests;
        }
        // extra
      )
      ''
        cp -r --no-preserve=ownership ${source} source
        chmod -R u+w source
        cd source
        export HOME=$TMPDIR/home
        mkdir $HOME
        ${check.run}
        touch $out
      '';
  again = import ./executor.nix {
    inherit pkgs crane;
    again = true;
  };
  places = {
    EXECUTOR = lib.getExe zsh-tool-exec;
    EXECUTOR_AGAIN = lib.getExe again;
    ZSH_TOOL_INSTALLED = lib.getExe zsh-tool;
    # nothing at all: no PATH, no HOME
    INSTALLED_ENVIRONMENT = "";
  };
  # a check waits for no build that it does not look at
  installed =
    check: atTop (lib.filterAttrs (name: _: lib.hasInfix ("$" + name) check.run) places) check;

  special =
    import ./special.nix {
      inherit
        pkgs
        self
        nixpkgs
        python3
        zsh-tool
        source
        ;
    }
    // {
      audit = craneLib.cargoAudit {
        inherit (crate) pname version src;
        inherit advisory-db;
      };
      deny = craneLib.cargoDeny { inherit (crate) pname version src; };
    };
  byKind = {
    rust = inRust;
    python = atTop { };
    suite = atTop {
      ZSH_TOOL_EXEC = lib.getExe zsh-tool-exec;
      # nothing of the other suite: where both fail, both are to be seen
      ZSH_TOOL_RULES = "${rules}/bin/rules";
    };
    inherit installed;
    nix = check: special.${check.name};
  };
  checks = lib.listToAttrs (
    map (check: lib.nameValuePair check.name (byKind.${check.kind} check)) listed
  );
  unlisted = lib.subtractLists (map (check: check.name) listed) (builtins.attrNames special);
in
assert lib.assertMsg (unlisted == [ ]) "not in .ci/checks.toml: ${toString unlisted}";
checks
