/**
 * A property that an object has only if there is a value for it, since an optional property does not take
 * undefined (exactOptionalPropertyTypes).
 */
export const optional = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V })
