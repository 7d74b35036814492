declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  const SwaggerUI: (options: {
    url: string;
    dom_id: string;
    deepLinking?: boolean;
    docExpansion?: "list" | "full" | "none";
    defaultModelsExpandDepth?: number;
    /** Null: nothing is sent to the public validator. */
    validatorUrl: string | null;
  }) => unknown;
  export default SwaggerUI;
}
