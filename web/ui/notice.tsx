import { Title } from "@mantine/core";
import type { TablerIcon } from "@tabler/icons-react";
import { Children, type ReactNode } from "react";
import classes from "./notice.module.css";

export type NoticeProps = {
  icon: TablerIcon;
  title: string;
  /** The heading's level: 1 when the notice is the whole page. */
  level?: 1 | 2 | 3 | undefined;
  /** Text first, then actions. */
  children?: ReactNode;
};

/** An empty page, an error, a dead end: what is so, and what to do about it. */
export function Notice({ icon: Icon, title, level = 2, children }: NoticeProps) {
  const all = Children.toArray(children);
  return (
    <section className={classes.notice}>
      <div className={classes.icon}>
        <Icon size={28} stroke={1.6} aria-hidden="true" />
      </div>
      <Title order={level} className={classes.title}>
        {title}
      </Title>
      {all.map((child, index) =>
        typeof child === "string" ? (
          <p key={child} className={classes.text}>
            {child}
          </p>
        ) : (
          // Fixed children, in a fixed order.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <div key={index} className={classes.action}>
            {child}
          </div>
        ),
      )}
    </section>
  );
}
