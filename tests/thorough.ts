/** Whether long tests run in full, not in their short form: `RFORWARD_THOROUGH=1`, see the tasks in deno.json. */
export const THOROUGH = Deno.env.get("RFORWARD_THOROUGH") === "1";
