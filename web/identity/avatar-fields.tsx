import { SegmentedControl, TextInput, VisuallyHidden } from "@mantine/core";
import { IconAsterisk } from "@tabler/icons-react";
import { type CSSProperties, useId } from "react";
import type { Me } from "../api/identity.ts";
import { QUICK } from "../chat/emoji.ts";
import { initialsOf } from "../chat/words.ts";
import { type Faults, sentence } from "../ui/field-faults.ts";
import { Portrait } from "./portrait.tsx";
import { avatarOf, type Draft } from "./profile.ts";
import classes from "./profile-form.module.css";

const COLORS: readonly (readonly [color: string, name: string])[] = [
  ["#0d7567", "Water"],
  ["#2b7bbb", "Sky"],
  ["#4a56c4", "Indigo"],
  ["#7c4dbd", "Violet"],
  ["#c2417c", "Rose"],
  ["#d14b3f", "Coral"],
  ["#b7791f", "Amber"],
  ["#5a8a2f", "Moss"],
  ["#5b6b73", "Slate"],
];

type Props = { of: Me; draft: Draft; change(patch: Partial<Draft>): void; faults: Faults };

/** The picture as it will be, and what it is made of. */
export function AvatarFields({ of, draft, change, faults }: Props) {
  const nickname = draft.nickname.trim() || null;
  return (
    <div className={classes.avatar}>
      <Portrait of={{ username: of.username, nickname, avatar: avatarOf(draft) }} size={88} />
      <div className={classes.fields}>
        <Colors chosen={draft.color} choose={(color) => change({ color })} />
        <SegmentedControl
          aria-label="Picture"
          value={draft.picture}
          data={[
            { value: "initials", label: "Initials" },
            { value: "emoji", label: "Emoji" },
          ]}
          onChange={(value) => change({ picture: value === "emoji" ? "emoji" : "initials" })}
        />
        {draft.picture === "initials" ? (
          <TextInput
            label="Initials"
            description="One or two letters or digits. Empty: those of your name."
            name="initials"
            maxLength={2}
            autoComplete="off"
            placeholder={initialsOf(nickname ?? of.username)}
            value={draft.initials}
            error={sentence("The initials", faults.initials)}
            onChange={(event) => change({ initials: event.currentTarget.value })}
          />
        ) : (
          <div>
            <TextInput
              label="Emoji"
              description="One of your keyboard's, or of these."
              name="emoji"
              autoComplete="off"
              value={draft.emoji}
              error={sentence("The emoji", faults.emoji)}
              onChange={(event) => change({ emoji: event.currentTarget.value })}
            />
            <div className={classes.emoji}>
              {QUICK.map(([emoji, name]) => (
                <button key={emoji} type="button" aria-label={name} title={name} onClick={() => change({ emoji })}>
                  {emoji}
                </button>
              ))}
            </div>
          </div>
        )}
      </div>
    </div>
  );
}

function Colors({ chosen, choose }: { chosen: string | null; choose(color: string | null): void }) {
  const group = useId();
  // One that came by the API is none of ours, perhaps.
  const isOurs = chosen === null || COLORS.some(([color]) => color === chosen);
  const offered = isOurs ? COLORS : [...COLORS, [chosen, `Your own, ${chosen}`] as const];
  return (
    <fieldset className={classes.colors}>
      <legend>Colour</legend>
      <label className={classes.color} title="By your name">
        <input type="radio" name={group} checked={chosen === null} onChange={() => choose(null)} />
        <span className={classes.dot} data-none="true">
          <IconAsterisk size={14} aria-hidden="true" />
        </span>
        <VisuallyHidden>By your name</VisuallyHidden>
      </label>
      {offered.map(([color, name]) => (
        <label key={color} className={classes.color} title={name}>
          <input type="radio" name={group} checked={chosen === color} onChange={() => choose(color)} />
          <span className={classes.dot} style={{ "--base": color } as CSSProperties} />
          <VisuallyHidden>{name}</VisuallyHidden>
        </label>
      ))}
    </fieldset>
  );
}
