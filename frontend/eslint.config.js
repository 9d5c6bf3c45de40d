import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import reactHooks from "eslint-plugin-react-hooks";
import globals from "globals";
import tseslint from "typescript-eslint";

/** The only direction of imports: shared ← features ← app; features do not know one another. */
const forbid = (files, patterns) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns }] },
});
const noClimbing = {
  group: ["../../*"],
  message: "Import from elsewhere through '@/…', so that the direction shows.",
};

export default defineConfig(
  globalIgnores(["dist", "src/shared/api/schema.d.ts", "src/shared/api/queue-schema.d.ts"]),
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "max-lines": ["error", { max: 150, skipBlankLines: true, skipComments: true }],
      complexity: ["error", 12],
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "The network is reached through shared/api and shared/sse." },
      ],
    },
  },
  { files: ["src/**/*.tsx", "src/**/*.ts"], ...reactHooks.configs.flat["recommended-latest"] },
  { files: ["src/shared/sse/**", "src/shared/api/**"], rules: { "no-restricted-globals": "off" } },
  { files: ["**/*.test.{ts,tsx}"], rules: { "max-lines": "off" } },
  { files: ["e2e/**"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
  { files: ["public/*.js"], languageOptions: { globals: globals.browser, sourceType: "script" } },
  forbid(["src/shared/**"], [{ group: ["@/features/*", "@/app/*"] }, noClimbing]),
  forbid(["src/features/**"], [{ group: ["@/features/*", "@/app/*"] }, noClimbing]),
);
