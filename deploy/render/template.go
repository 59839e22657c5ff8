// Runs a chart's templates as Helm does: text/template with sprig's functions, and Helm's own (include, tpl, required, toYaml, …). What else Helm
// does, merging values and so on, is chart.ts's part.
//
// Standard input: {"templates": {NAME: TEXT}, "files": {NAME: TEXT}, "top": {"Values": …, "Release": …, "Chart": …, "Capabilities": …}}.
// Standard output: {NAME: TEXT}. An error of a template ends it with code 1 and the reason on standard error.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type input struct {
	Templates map[string]string      `json:"templates"`
	Files     files                  `json:"files"`
	Top       map[string]interface{} `json:"top"`
}

type files map[string]string

func (f files) Get(name string) string { return f[name] }

func (f files) Glob(pattern string) files {
	found := files{}
	for name, text := range f {
		if matched, _ := path.Match(pattern, name); matched {
			found[name] = text
		}
	}
	return found
}

func (f files) AsConfig() string {
	byName := map[string]string{}
	for name, text := range f {
		byName[path.Base(name)] = text
	}
	return toYaml(byName)
}

type versions map[string]bool

func (v versions) Has(version string) bool { return v[version] }

func toYaml(value interface{}) string {
	var buffer bytes.Buffer
	encoder := yaml.NewEncoder(&buffer)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return ""
	}
	return strings.TrimSuffix(buffer.String(), "\n")
}

func functions(all *template.Template) template.FuncMap {
	known := sprig.TxtFuncMap()
	delete(known, "env")
	delete(known, "expandenv")
	known["toYaml"] = toYaml
	known["fromYaml"] = func(text string) map[string]interface{} {
		read := map[string]interface{}{}
		if err := yaml.Unmarshal([]byte(text), &read); err != nil {
			read["Error"] = err.Error()
		}
		return read
	}
	known["toJson"] = func(value interface{}) string {
		text, _ := json.Marshal(value)
		return string(text)
	}
	known["fromJson"] = func(text string) map[string]interface{} {
		read := map[string]interface{}{}
		if err := json.Unmarshal([]byte(text), &read); err != nil {
			read["Error"] = err.Error()
		}
		return read
	}
	known["include"] = func(name string, data interface{}) (string, error) {
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	known["tpl"] = func(text string, data interface{}) (string, error) {
		one, err := all.Clone()
		if err != nil {
			return "", err
		}
		if one, err = one.New("tpl").Parse(text); err != nil {
			return "", err
		}
		var out strings.Builder
		err = one.Execute(&out, data)
		return out.String(), err
	}
	known["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	known["lookup"] = func(string, string, string, string) map[string]interface{} { return map[string]interface{}{} }
	return known
}

func run() error {
	var given input
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		return err
	}
	capabilities := given.Top["Capabilities"].(map[string]interface{})
	known := versions{}
	for _, version := range capabilities["APIVersions"].([]interface{}) {
		known[version.(string)] = true
	}
	capabilities["APIVersions"] = known
	given.Top["Files"] = given.Files

	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	for name, text := range given.Templates {
		if _, err := all.New(name).Parse(text); err != nil {
			return err
		}
	}
	rendered := map[string]string{}
	for name := range given.Templates {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		given.Top["Template"] = map[string]interface{}{"Name": name}
		var text strings.Builder
		if err := all.ExecuteTemplate(&text, name, given.Top); err != nil {
			return err
		}
		// What Go writes for a key that is missing.
		rendered[name] = strings.ReplaceAll(text.String(), "<no value>", "")
	}
	return json.NewEncoder(os.Stdout).Encode(rendered)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
