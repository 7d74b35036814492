/** Addresses of the chat's pages. */
export const CHAT_PATH = "/chat";

export const channelPath = ({ name }: { name: string }): string => `${CHAT_PATH}/${encodeURIComponent(name)}`;
