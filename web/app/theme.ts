/** Colours, type and defaults of the app. The palette: water-green for actions, coral for what is live, green-grey neutrals. */
import {
  ActionIcon,
  Avatar,
  Button,
  Checkbox,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Modal,
  PasswordInput,
  Radio,
  Textarea,
  TextInput,
  Tooltip,
} from "@mantine/core";

const water: MantineColorsTuple = [
  "#e8f7f3",
  "#d3ece6",
  "#a8dace",
  "#78c7b5",
  "#4cb59f",
  "#2aa38b",
  "#12816d",
  "#0d7567",
  "#095e53",
  "#05473f",
];

const coral: MantineColorsTuple = [
  "#ffedec",
  "#ffd9d7",
  "#fbb1ae",
  "#f58682",
  "#ef625e",
  "#e64b48",
  "#d93a3a",
  "#c02d31",
  "#a2242a",
  "#841b22",
];

/** Mantine builds dark surfaces from `dark`: text at 0, the edges of fields at 4 (3:1 on their ground), page at 7. */
const dark: MantineColorsTuple = [
  "#e3ebe8",
  "#b6c4c0",
  "#8fa09b",
  "#65766f",
  "#5f706a",
  "#2a3734",
  "#1c2725",
  "#0f1614",
  "#0b110f",
  "#070b0a",
];

const gray: MantineColorsTuple = [
  "#f5f8f7",
  "#edf2f0",
  "#e0e8e5",
  "#cfd9d6",
  "#84928d",
  "#7b8a85",
  "#5b6b66",
  "#43524e",
  "#2a3734",
  "#16211e",
];

const fontFamily = '"Hanken Grotesk Variable", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export const theme = createTheme({
  colors: { water, coral, dark, gray },
  primaryColor: "water",
  primaryShade: { light: 7, dark: 6 },
  black: "#16211e",
  defaultRadius: "md",
  radius: { sm: "6px", md: "9px", lg: "14px" },
  fontFamily,
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontFamily, fontWeight: "650", sizes: { h1: { fontSize: "1.75rem", lineHeight: "1.2" } } },
  focusRing: "auto",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    // 44 px is what a thumb hits; fields of 16 px type keep phones from zooming in.
    Button: Button.extend({ defaultProps: { size: "md" } }),
    TextInput: TextInput.extend({ defaultProps: { size: "md" } }),
    PasswordInput: PasswordInput.extend({ defaultProps: { size: "md" } }),
    Textarea: Textarea.extend({ defaultProps: { size: "md" } }),
    // 24 px, the least that can be hit without looking twice.
    Checkbox: Checkbox.extend({ defaultProps: { size: "md" } }),
    Radio: Radio.extend({ defaultProps: { size: "md" } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { size: 40, variant: "subtle", color: "gray" } }),
    Avatar: Avatar.extend({
      defaultProps: { radius: "xl", color: "water" },
      styles: { placeholder: { background: "var(--sl-accent-soft)", color: "var(--sl-accent)" } },
    }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        radius: "lg",
        overlayProps: { blur: 3, backgroundOpacity: 0.6 },
        closeButtonProps: { "aria-label": "Close" },
      },
      styles: {
        title: { fontSize: "1.125rem", fontWeight: 650, letterSpacing: "-0.015em", overflowWrap: "anywhere" },
        content: { background: "var(--sl-surface)" },
        header: { background: "var(--sl-surface)" },
      },
    }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 400, withArrow: true } }),
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f5f8f7",
    "--mantine-color-dimmed": "#566661",
    "--mantine-color-default-border": "#d6e0dd",
    "--mantine-color-placeholder": "#667671",
    "--mantine-color-error": "#b8262c",
    "--mantine-color-anchor": "#0b6b5e",
    "--sl-surface": "#ffffff",
    "--sl-sunken": "#edf2f0",
    "--sl-line": "#dfe7e4",
    "--sl-accent": "#0d7567",
    "--sl-accent-soft": "#e0f2ed",
    "--sl-live": "#c6303a",
    "--sl-live-soft": "#fde8e8",
    "--sl-warn": "#8a5600",
    "--sl-warn-soft": "#fcefd6",
  },
  dark: {
    "--mantine-color-body": "#0f1614",
    "--mantine-color-dimmed": "#9bada7",
    "--mantine-color-default": "#17211f",
    "--mantine-color-default-hover": "#1e2a27",
    "--mantine-color-default-border": "#33423e",
    "--mantine-color-placeholder": "#8b9c97",
    "--mantine-color-error": "#ff8f89",
    "--mantine-color-anchor": "#66cdb9",
    "--sl-surface": "#16201e",
    "--sl-sunken": "#0c1211",
    "--sl-line": "#26332f",
    "--sl-accent": "#58c6b1",
    "--sl-accent-soft": "#14332d",
    "--sl-live": "#ff7a76",
    "--sl-live-soft": "#3a1b1c",
    "--sl-warn": "#f2b75e",
    "--sl-warn-soft": "#352711",
  },
});
