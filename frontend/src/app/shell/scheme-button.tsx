import { ActionIcon, type MantineColorScheme, Tooltip, useMantineColorScheme } from "@mantine/core";
import { Icon, schemeDrawings } from "./icons";

const NEXT: Readonly<Record<MantineColorScheme, MantineColorScheme>> = {
  auto: "light",
  light: "dark",
  dark: "auto",
};
const WORDS: Readonly<Record<MantineColorScheme, string>> = {
  auto: "Colours as the system has them",
  light: "Light colours",
  dark: "Dark colours",
};

/** Goes round: as the system, light, dark. */
export function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme({
    // Else Mantine adds a <style> element, which the CSP forbids.
    keepTransitions: true,
  });
  return (
    <Tooltip label={WORDS[colorScheme]}>
      <ActionIcon
        aria-label={`${WORDS[colorScheme]}; change`}
        onClick={() => {
          setColorScheme(NEXT[colorScheme]);
        }}
      >
        <Icon>{schemeDrawings[colorScheme]}</Icon>
      </ActionIcon>
    </Tooltip>
  );
}
