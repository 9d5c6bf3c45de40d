import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const page = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const BACKEND = "http://127.0.0.1:8400";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    // The CSP has no `data:` for fonts or scripts, so nothing may be inlined.
    assetsInlineLimit: 0,
    // The description of the API is one large page of its own.
    chunkSizeWarningLimit: 2000,
    // Its inline helper is not needed by browsers of this target and would break the CSP.
    modulePreload: { polyfill: false },
    rolldownOptions: { input: [page("index.html"), page("docs/index.html")] },
  },
  server: {
    // The platform checks the Origin of what changes something; the proxy makes both the same.
    proxy: Object.fromEntries(
      ["/api", "/queue/v1"].map((path) => [
        path,
        { target: BACKEND, changeOrigin: true, headers: { Origin: BACKEND } },
      ]),
    ),
  },
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
