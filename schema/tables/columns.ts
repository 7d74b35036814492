/** Column types that several tables share. Field names equal column names; times are integer UTC milliseconds. */
import { customType } from "drizzle-orm/sqlite-core";

/** Text that compares and sorts without regard to ASCII case; a unique index on it does too. */
export const textNoCase = customType<{ data: string; driverData: string }>({ dataType: () => "text COLLATE NOCASE" });
