# The MCP SDK 2.x and what it needs newer than nixpkgs has it: the wheels that pip installs, by hash.
# They pin each other exactly (httpx2 and httpcore2, mcp and mcp-types): raise them in pairs.
final: _prev:
let
  wheel =
    {
      pname,
      version,
      hash,
      dependencies,
      module ? pname,
      relaxed ? [ ],
    }:
    final.buildPythonPackage {
      inherit pname version dependencies;
      format = "wheel";
      src = final.fetchPypi {
        pname = module;
        inherit version hash;
        format = "wheel";
        dist = "py3";
        python = "py3";
      };
      pythonRelaxDeps = relaxed;
      doCheck = false;
      pythonImportsCheck = [ module ];
    };
in
{
  httpcore2 = wheel {
    pname = "httpcore2";
    version = "2.16.2";
    hash = "sha256-FgUa4qQvd2AHVD8y3pNJoxeyPSy7ThRWtLrA6IuHQZo=";
    dependencies = [
      final.h11
      final.truststore
    ];
  };
  httpx2 = wheel {
    pname = "httpx2";
    version = "2.16.2";
    hash = "sha256-8FwTqt5MRdvxyQYGR6EFjwrK1iOY+tludBJp7bM9RvU=";
    # half of the package set depends on idna; a server on stdio never calls it
    relaxed = [ "idna" ];
    dependencies = [
      final.anyio
      final.httpcore2
      final.idna
      final.truststore
      final.typing-extensions
    ];
  };
  mcp-types = wheel {
    pname = "mcp-types";
    module = "mcp_types";
    version = "2.3.0";
    hash = "sha256-lo79va7fqwatrkDTeKNDlfEJDFkh1L48nN4oOq922R0=";
    dependencies = [
      final.pydantic
      final.typing-extensions
    ];
  };
  mcp = wheel {
    pname = "mcp";
    version = "2.3.0";
    hash = "sha256-3QxEwInRZFPorjGjh3oAVNeiMUyqqB9eBUG5sXNLI3c=";
    dependencies = [
      final.anyio
      final.cryptography
      final.httpx2
      final.jsonschema
      final.mcp-types
      final.opentelemetry-api
      final.pydantic
      final.pyjwt
      final.python-multipart
      final.sse-starlette
      final.starlette
      final.typing-extensions
      final.typing-inspection
      final.uvicorn
    ];
  };
}
