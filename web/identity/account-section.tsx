import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./account-page.module.css";

type Props = { title: string; about: string; children: ReactNode };

export function AccountSection({ title, about, children }: Props) {
  return (
    <section className={classes.section} aria-label={title}>
      <div>
        <Title order={2} className={classes.heading}>
          {title}
        </Title>
        <p className={classes.about}>{about}</p>
      </div>
      <div className={classes.card}>{children}</div>
    </section>
  );
}
