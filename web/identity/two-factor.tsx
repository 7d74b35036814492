import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconShield, IconShieldCheck } from "@tabler/icons-react";
import type { TwoFactorStatus } from "../api/credentials.ts";
import type { Me } from "../api/identity.ts";
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
  const turnOn = () => {
    setUp.mutate(undefined);
    on.open();
  };
  return (
    <>
      {status.data === undefined ? (
        <SectionState error={status.error} retry={() => void status.refetch()} what="your second factor" rows={1} />
      ) : (
        <Status status={status.data} turn={status.data.enabled ? off.open : turnOn} />
      )}
      <TurnOnDialog me={me} setUp={setUp} opened={turningOn} close={on.close} />
      <TurnOffDialog me={me} opened={turningOff} close={off.close} />
    </>
  );
}

function Status({
  status: { enabled, backup_codes_remaining: left },
  turn,
}: {
  status: TwoFactorStatus;
  turn(): void;
}) {
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
        {/* One button, so that the focus is still on it when a dialog of it closes. */}
        <Button variant={enabled ? "default" : "filled"} size="sm" onClick={turn}>
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
