import { Modal } from "@mantine/core";
import type { Stream } from "../api/streams.ts";
import { toast } from "../ui/toasts.tsx";
import { useUpdateStream } from "./queries.ts";
import { StreamForm } from "./stream-form.tsx";

type Props = { stream: Stream; opened: boolean; close(): void };

export function EditStreamDialog({ stream, opened, close }: Props) {
  const update = useUpdateStream(stream.id);
  const leave = () => {
    close();
    update.reset();
  };
  const { title, description, is_public, allow_unauthenticated, record } = stream;
  return (
    <Modal opened={opened} onClose={leave} title="Edit stream">
      <StreamForm
        initial={{
          title,
          description,
          is_public: is_public === 1,
          allow_unauthenticated: allow_unauthenticated === 1,
          record: record === 1,
        }}
        submitLabel="Save"
        pending={update.isPending}
        error={update.error}
        cancel={leave}
        submit={(input) =>
          update.mutate(input, {
            onSuccess: () => {
              toast("Saved");
              leave();
            },
          })
        }
      />
    </Modal>
  );
}
