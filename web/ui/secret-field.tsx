import { Text } from "@mantine/core";
import { CopyIcon } from "./copy.tsx";
import classes from "./secret-field.module.css";

type Props = {
  label: string;
  value: string;
  /** What is copied, in words: "Password". */
  what: string;
};

/** Something to take along: one click selects all of it, another copies it. */
export function SecretField({ label, value, what }: Props) {
  return (
    <div>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      <div className={classes.field}>
        <code className={classes.value}>{value}</code>
        <CopyIcon text={value} what={what} />
      </div>
    </div>
  );
}
