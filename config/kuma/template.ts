/** `{{ .Mesh }}` and the like, and `{{ label "key" }}`, in names that resources give by a pattern. */
const placeholder = /\{\{\s*(?:\.(\w+)|label\s+"([^"]+)")\s*\}\}/g

/** What templates of HostnameGenerator may name beside labels. Kuma: `EvaluateTemplate`. */
export const hostnameValues = ['Name', 'DisplayName', 'Namespace', 'Zone', 'Mesh'] as const
/** The same of MeshIdentity. */
export const identityValues = ['Mesh', 'Zone', 'Workload', 'Name'] as const

/**
 * A template of MeshIdentity or HostnameGenerator with its placeholders filled in; null when one of them has no value,
 * as a label that is not there.
 */
export function fillTemplate(
  template: string,
  values: Readonly<Record<string, string | undefined>>,
  labels: Readonly<Record<string, string>>,
): string | null {
  let complete = true
  const text = template.replace(placeholder, (_, name?: string, label?: string) => {
    const value = name === undefined ? labels[label ?? ''] : values[name]
    if (value === undefined) complete = false
    return value ?? ''
  })
  return complete && !text.includes('{{') ? text : null
}

/** What is wrong with a template whose values may be these; null when nothing is. */
export function templateProblem(template: string, values: readonly string[]): string | null {
  for (const [whole, name] of template.matchAll(placeholder)) {
    if (name === undefined || values.includes(name)) continue
    return `must not have ${whole}: known are ${values.map((value) => `.${value}`).join(', ')} and label "key"`
  }
  const rest = template.replace(placeholder, '')
  return rest.includes('{{') || rest.includes('}}')
    ? 'must have whole placeholders, as {{ .Name }} or {{ label "key" }}'
    : null
}
