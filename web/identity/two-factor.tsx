import { Button, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconShield, IconShieldCheck } from "@tabler/icons-react";
import type { TwoFactorStatus } from "../api/credentials.ts";
import type { Me } from "../api/identity.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { useSetUpTwoFactor, useTwoFactor } from "./credential-queries.ts";
import { fewCodesWords } from "./credential-words.ts";
import rows from "./rows.module.css";
import { SectionState } from "./section-state.tsx";
import { TurnOffDialog } from "./turn-off-dialog.tsx";
import { TurnOnDialog } from "./turn-on-dialog.tsx";
import classes from "./two-factor.module.css";

export function TwoFactor({ me }: { me: Me }) {
  const status = useTwoFactor();
  const setUp = useSetUpTwoFactor();
  const [turningOn, on] = useDisclosure(false);
  const [turningOff, off] = useDisclosure(false);
  // The dialog opens when there is something to scan, and then nothing in it moves.
  const turnOn = () => {
    if (!setUp.isPending) setUp.mutate(undefined, { onSuccess: on.open });
  };
  return (
    <>
      {status.data === undefined ? (
        <SectionState error={status.error} retry={() => void status.refetch()} what="your second factor" rows={1} />
      ) : (
        <Stack gap="md">
          {setUp.error && <FailureAlert failure={setUp.error} />}
          <Status status={status.data} turn={status.data.enabled ? off.open : turnOn} busy={setUp.isPending} />
        </Stack>
      )}
      <TurnOnDialog me={me} setup={setUp.data} opened={turningOn} close={on.close} gone={setUp.reset} />
      <TurnOffDialog me={me} opened={turningOff} close={off.close} />
    </>
  );
}

type StatusProps = { status: TwoFactorStatus; turn(): void; busy: boolean };

function Status({ status: { enabled, backup_codes_remaining: left }, turn, busy }: StatusProps) {
  const Icon = enabled ? IconShieldCheck : IconShield;
  const few = enabled ? fewCodesWords(left) : null;
  return (
    <>
      <div className={classes.status}>
        <Icon size={28} stroke={1.6} className={classes.icon} data-on={enabled} aria-hidden="true" />
        <div>
          <div className={rows.name}>{enabled ? "On" : "Off"}</div>
          <div className={rows.facts}>
            {enabled ? `${left} of 10 backup codes left` : "Your password alone signs you in"}
          </div>
        </div>
        {/* One button, and never disabled, so that the focus is still on it when a dialog of it closes. */}
        <Button
          variant={enabled ? "default" : "filled"}
          size="sm"
          data-disabled={busy || undefined}
          aria-busy={busy}
          onClick={turn}
        >
          {enabled ? "Turn off" : "Turn on"}
        </Button>
      </div>
      {few && (
        <p className={classes.few}>
          <IconAlertTriangle size={18} stroke={1.7} aria-hidden="true" />
          {few}
        </p>
      )}
    </>
  );
}
