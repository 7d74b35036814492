import { Pagination, type PaginationProps } from "@mantine/core";

type Props = Pick<PaginationProps, "value" | "total" | "siblings"> & { change(to: number): void };

/** The pages of a list, each with a name. Another one is read from its top. */
export function Pages({ change, ...props }: Props) {
  return (
    <Pagination
      {...props}
      onChange={(to) => {
        change(to);
        scrollTo({ top: 0 });
      }}
      getItemProps={(number) => ({ "aria-label": `Page ${number}` })}
      getControlProps={(control) => ({ "aria-label": `${control[0]?.toUpperCase()}${control.slice(1)} page` })}
      size="lg"
    />
  );
}
