import {
  ActionIcon,
  Button,
  Group,
  type MantineColorScheme,
  Menu,
  UnstyledButton,
  useMantineColorScheme,
} from "@mantine/core";
import {
  IconApi,
  IconContrast,
  IconDeviceDesktop,
  IconLogout,
  IconMoon,
  IconSun,
  IconUserCircle,
  IconUsers,
  type TablerIcon,
} from "@tabler/icons-react";
import { Link, useLocation } from "react-router";
import { signInAddress } from "../identity/next-page.ts";
import { Portrait } from "../identity/portrait.tsx";
import { useSession, useSignOut } from "../identity/session.ts";

const SCHEMES: { value: MantineColorScheme; label: string; icon: TablerIcon }[] = [
  { value: "auto", label: "As the system", icon: IconDeviceDesktop },
  { value: "light", label: "Light", icon: IconSun },
  { value: "dark", label: "Dark", icon: IconMoon },
];

function SchemeItems() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const choose = (value: string) => {
    const scheme = SCHEMES.find((each) => each.value === value);
    if (scheme) setColorScheme(scheme.value);
  };
  return (
    <>
      <Menu.Label>Appearance</Menu.Label>
      <Menu.RadioGroup value={colorScheme} onChange={choose}>
        {SCHEMES.map(({ value, label, icon: Icon }) => (
          <Menu.RadioItem key={value} value={value} rightSection={<Icon size={18} stroke={1.7} />}>
            {label}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </>
  );
}

export function AccountMenu() {
  const { me, known } = useSession();
  const signOut = useSignOut();
  const location = useLocation();
  if (!me) {
    return (
      <Group gap={6} wrap="nowrap">
        <Menu position="bottom-end" width={210}>
          <Menu.Target>
            <ActionIcon aria-label="Appearance">
              <IconContrast size={21} stroke={1.7} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <SchemeItems />
          </Menu.Dropdown>
        </Menu>
        {known && location.pathname !== "/login" && (
          <Button component={Link} to={signInAddress(location)} size="sm">
            Sign in
          </Button>
        )}
      </Group>
    );
  }
  const name = me.nickname || me.username;
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <UnstyledButton aria-label={`Account: ${name}`} style={{ borderRadius: "50%" }}>
          <Portrait of={me} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Signed in as {name}</Menu.Label>
        <Menu.Item component={Link} to="/account" leftSection={<IconUserCircle size={18} stroke={1.7} />}>
          Account
        </Menu.Item>
        {me.permissions.can_manage_users && (
          <Menu.Item component={Link} to="/users" leftSection={<IconUsers size={18} stroke={1.7} />}>
            Users
          </Menu.Item>
        )}
        <Menu.Item component="a" href="/docs" leftSection={<IconApi size={18} stroke={1.7} />}>
          API documentation
        </Menu.Item>
        <Menu.Divider />
        <SchemeItems />
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={18} stroke={1.7} />} onClick={() => signOut.mutate()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
