import { TextInput, type TextInputProps } from "@mantine/core";
import classes from "./code-field.module.css";

export const CODE_LENGTH = 6;

type Props = Omit<TextInputProps, "value" | "onChange"> & {
  value: string;
  change(code: string): void;
  /** All digits are there. */
  complete(code: string): void;
};

/**
 * A code of an authenticator app. One field and not six, so that pasting, password managers and screen readers have
 * nothing to get wrong; what is pasted with spaces or words around it counts by its digits.
 */
export function CodeField({ change, complete, ...props }: Props) {
  return (
    <TextInput
      name="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      spellCheck={false}
      placeholder={"0".repeat(CODE_LENGTH)}
      classNames={{ input: classes.input ?? "" }}
      {...props}
      onChange={(event) => {
        const code = event.currentTarget.value.replace(/\D/g, "").slice(0, CODE_LENGTH);
        change(code);
        if (code.length === CODE_LENGTH && code !== props.value) complete(code);
      }}
    />
  );
}
