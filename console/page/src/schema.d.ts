// docs/schema, which the build puts beside the sources.
declare module "harrier-schema/*.json" {
  const schema: import("./shared/schema").Schema;
  export default schema;
}
