import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { makeQueryClient } from "@/shared/api/query-client";
import { router } from "./router";
import { theme } from "./theme/theme";

const queryClient = makeQueryClient();

/**
 * The composition root. Mantine's variables and classes come from style sheets, never from
 * injected <style> elements, which the Content Security Policy forbids.
 */
export function App() {
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}
