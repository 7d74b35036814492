import { ActionIcon, Menu, NativeSelect } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots, IconKey, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { UserRole } from "#contract/identity";
import type { Me } from "../api/identity.ts";
import type { ListedUser } from "../api/users.ts";
import { Portrait } from "../identity/portrait.tsx";
import { DateOnly } from "../ui/when.tsx";
import { ChangeRoleDialog } from "./change-role-dialog.tsx";
import { DeleteUserDialog } from "./delete-user-dialog.tsx";
import { ResetPasswordDialog } from "./reset-password-dialog.tsx";
import classes from "./user-row.module.css";
import { ROLES } from "./words.ts";

type Props = {
  user: ListedUser;
  me: Me;
  /** Whom the reader may manage, and make somebody. */
  manageable: UserRole[];
};

export function UserRow({ user, me, manageable }: Props) {
  const [role, setRole] = useState<UserRole | null>(null);
  const [resetting, reset] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  const isMe = user.id === me.id;
  const isManaged = !isMe && manageable.includes(user.role);
  const mayReset = isManaged && me.permissions.can_reset_passwords;
  const mayDelete = isManaged && me.permissions.can_delete_users;

  return (
    <li className={classes.row}>
      <Portrait of={user} size={40} />
      <div className={classes.who}>
        <div className={classes.name}>
          <bdi>{user.username}</bdi>
          {user.nickname && <bdi className={classes.nickname}>{user.nickname}</bdi>}
          {isMe && <span className={classes.mark}>You</span>}
        </div>
        <div className={classes.since}>
          since <DateOnly at={user.created_at} />
        </div>
      </div>
      <div className={classes.role}>
        {isManaged && manageable.length > 1 ? (
          <NativeSelect
            aria-label={`Role of ${user.username}`}
            size="sm"
            value={user.role}
            data={manageable.map((value) => ({ value, label: ROLES[value].label }))}
            onChange={(event) => setRole(UserRole.parse(event.currentTarget.value))}
          />
        ) : (
          <span className={classes.fixed}>{ROLES[user.role].label}</span>
        )}
      </div>
      <div className={classes.more}>
        {mayReset && (
          <Menu position="bottom-end" width={210}>
            <Menu.Target>
              <ActionIcon aria-label={`More for ${user.username}`}>
                <IconDots size={20} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconKey size={18} stroke={1.7} />} onClick={reset.open}>
                Reset the password
              </Menu.Item>
              {mayDelete && (
                <>
                  <Menu.Divider />
                  <Menu.Item color="coral" leftSection={<IconTrash size={18} stroke={1.7} />} onClick={remove.open}>
                    Delete
                  </Menu.Item>
                </>
              )}
            </Menu.Dropdown>
          </Menu>
        )}
      </div>
      {isManaged && <ChangeRoleDialog user={user} role={role} close={() => setRole(null)} />}
      {mayReset && <ResetPasswordDialog user={user} opened={resetting} close={reset.close} />}
      {mayDelete && <DeleteUserDialog user={user} opened={deleting} close={remove.close} />}
    </li>
  );
}
