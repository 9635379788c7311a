// Generates the SDK of a Pulumi package from its schema, with the code generators of the Pulumi CLI.
//
// `pulumi package gen-sdk` needs the language host of the language, which has no Go module of its own. The generators
// are in the module of the CLI.
//
// Usage: sdkgen nodejs|python|go SCHEMA DIRECTORY
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	nodejsgen "github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	pythongen "github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

const tool = "sdkgen"

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: sdkgen nodejs|python|go SCHEMA DIRECTORY"))
	}
	language, schemaFile, directory := os.Args[1], os.Args[2], os.Args[3]
	pkg, err := read(schemaFile)
	if err != nil {
		fail(err)
	}
	files, err := generate(language, pkg)
	if err != nil {
		fail(err)
	}
	for name, contents := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			fail(err)
		}
		if err := os.WriteFile(path, contents, 0o644); err != nil {
			fail(err)
		}
	}
}

func read(file string) (*schema.Package, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	// As `pulumi package add` from a Git repository does it: the owner of the repository is the namespace.
	if spec.Namespace == "" {
		spec.Namespace = "owner"
	}
	// The schema refers to no other package, so nothing has to be loaded.
	pkg, problems, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, problems
	}
	pkg.SupportPack = true // as `pulumi package add` does it: the SDK for Go has a go.mod
	return pkg, nil
}

func generate(language string, pkg *schema.Package) (map[string][]byte, error) {
	switch language {
	case "nodejs":
		return nodejsgen.GeneratePackage(tool, pkg, nil, nil, true, nil)
	case "python":
		return pythongen.GeneratePackage(tool, pkg, nil, nil)
	case "go":
		return gogen.GeneratePackage(tool, pkg, nil)
	}
	return nil, fmt.Errorf("no generator for %s", language)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "sdkgen:", err)
	os.Exit(1)
}
