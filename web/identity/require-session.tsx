import { Navigate, Outlet, useLocation } from "react-router";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { PageLoading } from "../ui/page-loading.tsx";
import { signInAddress } from "./next-page.ts";
import { useSession } from "./session.ts";

/** Pages below need an account; without one, sign-in comes first and leads back. */
export function RequireSession() {
  const { me, known, failure, retry } = useSession();
  const location = useLocation();
  if (me) return <Outlet />;
  if (known) return <Navigate to={signInAddress(location)} replace />;
  if (failure) return <FailureNotice failure={failure} retry={retry} level={1} />;
  return <PageLoading />;
}
