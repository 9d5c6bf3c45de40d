import {
  ActionIcon,
  Button,
  createTheme,
  NumberInput,
  SegmentedControl,
  Select,
  Textarea,
  TextInput,
  Tooltip,
} from "@mantine/core";

/** Small controls throughout: an instrument, not a landing page. Colours are in tokens.css. */
export const theme = createTheme({
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { size: 28, variant: "subtle", color: "gray" } }),
    Button: Button.extend({ defaultProps: { size: "compact-sm", variant: "default", fw: 500 } }),
    NumberInput: NumberInput.extend({ defaultProps: { size: "xs", hideControls: true } }),
    SegmentedControl: SegmentedControl.extend({
      defaultProps: { size: "xs", transitionDuration: 0 },
    }),
    Select: Select.extend({
      defaultProps: { size: "xs", comboboxProps: { transitionProps: { duration: 0 } } },
    }),
    Textarea: Textarea.extend({ defaultProps: { size: "xs" } }),
    TextInput: TextInput.extend({ defaultProps: { size: "xs" } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 300, transitionProps: { duration: 0 } } }),
  },
});
