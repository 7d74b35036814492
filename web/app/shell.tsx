/** What surrounds every page: header, main places, and where the page itself goes. */
import { useEffect, useRef } from "react";
import { Link, NavLink, Outlet, ScrollRestoration, useLocation, useNavigation } from "react-router";
import { useSession } from "../identity/session.ts";
import { SessionDialog } from "../identity/session-dialog.tsx";
import { Mark } from "../ui/mark.tsx";
import { Toasts } from "../ui/toasts.tsx";
import { AccountMenu } from "./account-menu.tsx";
import { PLACES } from "./navigation.ts";
import classes from "./shell.module.css";

export function Shell() {
  const { me } = useSession();
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const busy = useNavigation().state !== "idle";
  useFocusOnNewPage(main, pathname);
  const places = me && pathname !== "/login";

  return (
    <div className={classes.shell} data-places={places ? "true" : "false"}>
      <SessionDialog />
      <a className={classes.skip} href="#main">
        Skip to the page
      </a>
      <header className={classes.header}>
        <Link to="/" className={classes.home} aria-label="Sluice, home">
          <Mark size={30} />
          <span>Sluice</span>
        </Link>
        <AccountMenu />
        <div className={classes.progress} data-busy={busy} aria-hidden="true" />
      </header>
      {places && (
        <nav className={classes.places} aria-label="Main">
          {PLACES.map(({ to, label, icon: Icon }) => (
            <NavLink key={to} to={to} end={to === "/"} className={classes.place ?? ""}>
              <Icon size={24} stroke={1.7} aria-hidden="true" />
              {label}
            </NavLink>
          ))}
        </nav>
      )}
      <main id="main" ref={main} tabIndex={-1} className={classes.main}>
        <Outlet />
      </main>
      <Toasts />
      <ScrollRestoration />
    </div>
  );
}

/** A new page without a reload is silent to a screen reader unless the focus moves into it. */
function useFocusOnNewPage(main: React.RefObject<HTMLElement | null>, pathname: string) {
  const last = useRef(pathname);
  useEffect(() => {
    if (last.current === pathname) return;
    last.current = pathname;
    // A page with a form has put the focus there already; what the new page hides has it no more.
    const at = document.activeElement;
    const isThere = at !== null && main.current?.contains(at) && at.checkVisibility();
    if (!isThere) main.current?.focus({ preventScroll: true });
  }, [main, pathname]);
}
