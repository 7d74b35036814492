import { Modal } from "@mantine/core";
import type { StreamFields } from "../api/streams.ts";
import { toast } from "../ui/toasts.tsx";
import { useCreateStream } from "./queries.ts";
import { StreamForm } from "./stream-form.tsx";

const EMPTY: StreamFields = {
  title: "",
  description: "",
  is_public: true,
  allow_unauthenticated: false,
  record: true,
};

type Props = { opened: boolean; close(): void; created(id: number): void };

export function CreateStreamDialog({ opened, close, created }: Props) {
  const create = useCreateStream();
  const leave = () => {
    close();
    create.reset();
  };
  return (
    <Modal opened={opened} onClose={leave} title="New stream">
      <StreamForm
        initial={EMPTY}
        submitLabel="Create"
        pending={create.isPending}
        error={create.error}
        cancel={leave}
        submit={(input) =>
          create.mutate(input, {
            onSuccess: ({ id }) => {
              created(id);
              toast(`“${input.title}” is ready`);
              leave();
            },
          })
        }
      />
    </Modal>
  );
}
