/** The release that this is; the same as in package.json, which a bundle does not have. */
export const version = '0.1.0'
