{{range .}}{{printf "%-50s %-40s %s" .Name .Version .LicenseName}}
{{end}}