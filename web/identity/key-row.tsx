import { ActionIcon, Menu } from "@mantine/core";
import { IconDots, type TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Since } from "../ui/since.tsx";
import { When } from "../ui/when.tsx";
import classes from "./rows.module.css";

type Props = {
  icon: TablerIcon;
  name: string;
  /** Why it opens nothing any more; null while it does. */
  ended?: string | null;
  /** By what one knows it again where it is used. */
  mark: string;
  facts: ReactNode;
  created_at: string;
  last_used_at: string | null;
  /** Items of its menu. */
  children: ReactNode;
};

/** A key of one's own in its list. */
export function KeyRow({ icon: Icon, name, ended = null, mark, facts, created_at, last_used_at, children }: Props) {
  return (
    <li className={classes.row}>
      <Icon size={22} stroke={1.6} className={classes.icon} aria-hidden="true" />
      <div>
        <div className={classes.name}>
          <bdi>{name}</bdi>
          {ended && <span className={classes.ended}>{ended}</span>}
        </div>
        <code className={classes.code}>{mark}</code>
        <div className={classes.facts}>
          {facts}
          <span>
            made <When at={created_at} />
          </span>
          <span>
            {last_used_at ? (
              <>
                last used <Since from={last_used_at} /> ago
              </>
            ) : (
              "not used yet"
            )}
          </span>
        </div>
      </div>
      <Menu position="bottom-end" width={200}>
        <Menu.Target>
          <ActionIcon aria-label={`More for ${name}`}>
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>{children}</Menu.Dropdown>
      </Menu>
    </li>
  );
}
