/** Which page is at which address. Each page is loaded when it is first opened. */
import { createBrowserRouter, Navigate, type RouteObject } from "react-router";
import { RequireSession } from "../identity/require-session.tsx";
import { PageFailed, PageNotFound } from "./page-problems.tsx";
import { Shell } from "./shell.tsx";

const pages: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import("../streams/home-page.tsx")).HomePage }) },
  { path: "login", lazy: async () => ({ Component: (await import("../identity/sign-in-page.tsx")).SignInPage }) },
  { path: "register", lazy: async () => ({ Component: (await import("../identity/register-page.tsx")).RegisterPage }) },
  { path: "watch/:id", lazy: async () => ({ Component: (await import("../streams/watch-page.tsx")).WatchPage }) },
  { path: "vod/:publicId", lazy: async () => ({ Component: (await import("../vods/vod-page.tsx")).VodPage }) },
  {
    Component: RequireSession,
    children: [
      {
        path: "streams",
        lazy: async () => ({ Component: (await import("../streams/own-streams-page.tsx")).OwnStreamsPage }),
      },
      {
        path: "library",
        lazy: async () => ({ Component: (await import("../vods/library-page.tsx")).LibraryPage }),
      },
      {
        path: "chat/:channel?",
        lazy: async () => ({ Component: (await import("../chat/chat-page.tsx")).ChatPage }),
      },
      {
        path: "account",
        lazy: async () => ({ Component: (await import("../identity/account-page.tsx")).AccountPage }),
        children: [
          {
            index: true,
            lazy: async () => ({ Component: (await import("../identity/account-profile.tsx")).AccountProfile }),
          },
          {
            path: "security",
            lazy: async () => ({ Component: (await import("../identity/account-security.tsx")).AccountSecurity }),
          },
          {
            path: "keys",
            lazy: async () => ({ Component: (await import("../identity/account-keys.tsx")).AccountKeys }),
          },
        ],
      },
      {
        path: "users",
        lazy: async () => ({ Component: (await import("../admin/users-page.tsx")).UsersPage }),
      },
    ],
  },
  { path: "dashboard", element: <Navigate to="/streams" replace /> },
  { path: "live", element: <Navigate to="/" replace /> },
  { path: "*", Component: PageNotFound },
];

export const router = createBrowserRouter([
  {
    Component: Shell,
    HydrateFallback: () => null,
    children: [{ ErrorBoundary: PageFailed, children: pages }],
  },
]);
