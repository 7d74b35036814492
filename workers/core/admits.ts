/**
 * What an operation answers to whom, as a table beside its route. A test calls every operation as each of these callers
 * and holds it to its table; an operation without one does not compile.
 */

/**
 * `owner` is whose thing it is, or who may do it; `other` has an account and nothing to do with it; `moderator` and
 * `admin` have that role and do not own it. The keys belong to the owner: one that was revoked, a token that expired,
 * one that is good on another face only, and one whose scopes grant nothing that the operation asks for.
 */
export const CALLERS = [
  "anonymous",
  "other",
  "owner",
  "moderator",
  "admin",
  "revoked_key",
  "expired_token",
  "foreign_key",
  "unscoped_key",
] as const;
export type Caller = (typeof CALLERS)[number];

/** `ok` is any success that the operation documents. */
export type Answer = "ok" | 401 | 403 | 404;
export type Admits = Readonly<Record<Caller, Answer>>;
/** A table for each kind of thing, where it depends on that. */
export type Admission = Admits | { readonly kinds: Readonly<Record<string, Admits>> };

/** The same answer to all: the beginning of a table, or all of it. */
export const toAll = <A extends Answer>(answer: A) => ({
  anonymous: answer,
  other: answer,
  owner: answer,
  moderator: answer,
  admin: answer,
  revoked_key: answer,
  expired_token: answer,
  foreign_key: answer,
  unscoped_key: answer,
});

const NO_CREDENTIAL = { anonymous: 401, revoked_key: 401, expired_token: 401, foreign_key: 401 } as const;

/** Credentials do not matter. */
export const EVERYBODY: Admits = toAll("ok");

/** Whoever has an account, for what is their own or everybody's. */
export const ACCOUNTS: Admits = { ...EVERYBODY, ...NO_CREDENTIAL };

/** The same, but signed in and not by a key. */
export const IN_PERSON: Admits = { ...ACCOUNTS, unscoped_key: 403 };

/** Whose it is, and for nobody else does it exist. */
export const OWNER: Admits = { ...ACCOUNTS, other: 404, moderator: 404, admin: 404 };

/** The same, but signed in and not by a key. */
export const OWNER_IN_PERSON: Admits = { ...OWNER, unscoped_key: 403 };

/** Whether no key is good enough. */
export const isInPerson = (admission: Admission): boolean => admission === IN_PERSON || admission === OWNER_IN_PERSON;

/** Roles from the one on. Keys of admins need the scope `admin`; those of moderators have their role without one. */
export const MODERATORS: Admits = { ...ACCOUNTS, other: 403, unscoped_key: 403 };
export const ADMINS: Admits = { ...MODERATORS, moderator: 403 };
export const SUPERADMINS: Admits = { ...ADMINS, admin: 403 };

/** None of them: it has credentials of its own. */
export const NOBODY: Admits = toAll(401);

/** Its tables, each with the kind of thing it is for; that is empty where there is one for all. */
export const admissionTables = (admission: Admission): [kind: string, table: Admits][] =>
  "kinds" in admission ? Object.entries(admission.kinds) : [["", admission]];
