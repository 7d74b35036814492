import { ActionIcon, Button, Collapse, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBan, IconChevronDown, IconDots, IconHash } from "@tabler/icons-react";
import { useId } from "react";
import type { Invite } from "../api/users.ts";
import { CopyButton, copyAloud } from "../ui/copy.tsx";
import { When } from "../ui/when.tsx";
import { DeactivateInviteDialog } from "./deactivate-invite-dialog.tsx";
import classes from "./invite-row.module.css";
import { Registrations } from "./registrations.tsx";
import { endedWords, INVITE_TYPES, inviteLink, usesWords } from "./words.ts";

/** `isToday`: the one that is made by itself each day. */
export function InviteRow({ invite, isToday = false }: { invite: Invite; isToday?: boolean }) {
  const [open, panel] = useDisclosure(false);
  const [asking, dialog] = useDisclosure(false);
  const panelId = useId();
  const ended = endedWords(invite, Date.now());
  const name = isToday ? "Today's code" : (invite.label ?? INVITE_TYPES[invite.type].label);

  return (
    <li>
      <div className={classes.row}>
        <div className={classes.about}>
          <div className={classes.name}>
            <span>{name}</span>
            {ended && <span className={classes.ended}>{ended}</span>}
          </div>
          <code className={classes.code} data-ended={ended !== null}>
            {invite.code}
          </code>
          <div className={classes.facts}>
            {(isToday || invite.label) && <span>{INVITE_TYPES[isToday ? "daily" : invite.type].label}</span>}
            {ended === null &&
              (invite.expires_at ? (
                <span>
                  until <When at={invite.expires_at} />
                </span>
              ) : (
                <span>does not expire</span>
              ))}
            {invite.created_by_username && <span>by {invite.created_by_username}</span>}
          </div>
        </div>
        <div className={classes.actions}>
          {invite.use_count > 0 ? (
            <Button
              variant="default"
              size="sm"
              rightSection={<IconChevronDown size={16} className={classes.chevron} data-open={open} />}
              aria-expanded={open}
              aria-controls={panelId}
              onClick={panel.toggle}
            >
              {usesWords(invite)}
            </Button>
          ) : (
            <span className={classes.unused}>{usesWords(invite)}</span>
          )}
          {ended === null && (
            <>
              <CopyButton text={inviteLink(invite, location.origin)} what="Link" />
              <Menu position="bottom-end" width={190}>
                <Menu.Target>
                  <ActionIcon aria-label={`More for ${name}, ${invite.code}`}>
                    <IconDots size={20} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item
                    leftSection={<IconHash size={18} stroke={1.7} />}
                    onClick={() => void copyAloud(invite.code, "Code")}
                  >
                    Copy the code alone
                  </Menu.Item>
                  <Menu.Divider />
                  <Menu.Item color="coral" leftSection={<IconBan size={18} stroke={1.7} />} onClick={dialog.open}>
                    Deactivate
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            </>
          )}
        </div>
      </div>
      <Collapse expanded={open} id={panelId}>
        {open && <Registrations of={invite} />}
      </Collapse>
      <DeactivateInviteDialog invite={invite} isToday={isToday} opened={asking} close={dialog.close} />
    </li>
  );
}
