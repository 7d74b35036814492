import { PasswordInput, type PasswordInputProps } from "@mantine/core";

/** Beyond what a new password may have: one that is too long is refused, not cut off. */
const LENGTH_MAX = 256;

/** A password that can be looked at, by keyboard, too. */
export function PasswordField(props: PasswordInputProps) {
  return (
    <PasswordInput
      maxLength={LENGTH_MAX}
      visibilityToggleButtonProps={{ "aria-label": "Show the password", tabIndex: 0 }}
      {...props}
    />
  );
}
