import { Paper, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Mark } from "../ui/mark.tsx";
import classes from "./entry-card.module.css";

/** What stands alone on the pages that lead into the app. */
export function EntryCard({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={classes.page}>
      <Paper withBorder className={classes.card}>
        <Mark size={44} />
        <Title order={1} mt="md">
          {title}
        </Title>
        {children}
      </Paper>
    </div>
  );
}
